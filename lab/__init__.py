"""A real Kubernetes control plane, istiod and cert-manager on one machine, from package registries alone.

The product does not know that this package exists. What it offers others: `lab.commands` (bring the lab up,
take it down, tell its state), `lab.build` (the toolchain), `lab.errors.LabError`.
"""
