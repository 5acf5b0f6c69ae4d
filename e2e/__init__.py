"""End-to-end tests: the real program, on the bundled real sessions, asked by real clients."""
