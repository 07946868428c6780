"""Kubernetes and IAM documents as pure functions: typed arguments in, plain documents out, in stable order.

Nothing here imports Pulumi or boto3. Where a value comes from another resource it may pass through as an opaque leaf;
it is never looked at.
"""
