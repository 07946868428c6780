"""The program on one machine: real Kubernetes, Istio and cert-manager, a stand-in for AWS, all from package registries.

The product does not know that this package exists. Its rooms, each of which imports only those before it: `build`,
`images`, `cluster`, `aws`, `load_balancer`, `lifecycle`, `engine`, `report`, then `commands` and `traps`.
"""
