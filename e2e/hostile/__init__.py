"""Servers and sessions that misbehave on purpose, in one way at a time."""
