"""Who makes the attempts: pods, an impersonated tenant, what must be in the cluster meanwhile; and the audit log."""
