"""Pulumi component resources, one per file: what is submitted, and in what order. The documents are `manifests`'."""
