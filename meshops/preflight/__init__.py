"""`meshops preflight`: what AWS must already be like for a stack to come up, looked at beforehand."""
