"""The load balancers that the AWS Load Balancer Controller makes in the lab's account, played by one real Envoy.

What is to be played is read from the account, with AWS's own calls; what Envoy sees of the targets is told there.
"""
