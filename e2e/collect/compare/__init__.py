"""The collector beside KubeRay's on one real Ray session: losses, requests, bytes, CPU and memory of both."""
