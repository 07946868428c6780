"""A stand-in for the AWS Load Balancer Controller and for the load balancers that it makes.

The controller's part is Python: it reads Ingresses and Services, refuses what the controller would refuse, keeps the
AWS side (in moto) and the status in step. The load balancers' part is one real Envoy that it configures through files.
"""
