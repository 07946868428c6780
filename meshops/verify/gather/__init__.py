"""Reads each fact once: from kubectl, istioctl, AWS, and by connections to the load balancer."""
