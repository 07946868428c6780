"""`meshops verify`: the proofs that a stack's mesh holds, made on the running cluster by sending traffic.

    report = verify(settings, VerifyOptions(kubeconfig=Path("…")))

Facts are gathered once, by kubectl, istioctl, connections to the load balancer and short-lived probe pods (`gather`,
`probes`), into frozen types (`facts`); the checks (`checks`) are pure over them. It needs a kubeconfig and the stack's
settings, and nothing else: a laptop's cluster and EKS are the same to it.
"""
