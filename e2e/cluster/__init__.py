"""Tests in a real Kubernetes of one node, with KubeRay's operator and Ray in it: `make test-cluster`."""
