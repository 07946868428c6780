"""Checks Kubernetes objects, before any cluster sees them, as an API server would: schema, names, references."""
