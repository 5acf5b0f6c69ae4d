"""What the end-to-end tests and tools share: programs that they start, clients, and the recorded sessions."""
