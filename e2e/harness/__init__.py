"""The harness of the end-to-end tests and tools: programs that they start, clients, and the recorded sessions."""
