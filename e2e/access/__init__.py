"""Access control by Kubernetes, with a real API server."""
