"""The report of `make lab`: what is in the cluster, what stands in, and how the lab differs from the stack."""
