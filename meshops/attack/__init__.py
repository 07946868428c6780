"""`meshops attack`: every known way through the mesh, tried on the running cluster by real clients.

    report = attack(settings, AttackOptions(kubeconfig=Path("…")))

An attempt (`catalogue`) is data: who stands where, what is sent, what must happen, which wall stops it. Clients
(`clients`) are this machine, pods outside the mesh and in the place of declared applications, which say their bytes by
the same few files (`wire`), and an impersonated tenant. What comes back is judged by pure functions (`judging`), beside
legitimate requests that must pass.
"""
