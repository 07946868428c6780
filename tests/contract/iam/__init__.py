"""IAM's own rules, asked of a simulator that we did not write."""
