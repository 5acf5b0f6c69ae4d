//! Tests of profile events.
