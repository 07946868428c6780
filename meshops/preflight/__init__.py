"""`meshops preflight`: what AWS must already be like for a stack's load balancer to come up, looked at beforehand."""
