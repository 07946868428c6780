"""What makes an attempt for real: pods, the API server, HTTP, certificates."""
