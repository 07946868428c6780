"""What the AWS Load Balancer Controller's own code decides, recorded; `make decisions` records it anew."""
