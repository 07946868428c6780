"""An AWS identity for one service account, by EKS Pod Identity: role, policy, association."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from manifests.iam import Policy, pod_identity_trust


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    policy: Policy | None = None
    """What the role may do, as an inline policy; its leaves may be Outputs."""
    managed_policy_arn: str | None = None
    """Instead of `policy`: one of AWS's own."""
    after: Sequence[pulumi.Resource] = ()
    """What the association needs: the cluster, unless `cluster_name` comes from it, or it exists already."""
    associate: bool = True
    """False where an EKS add-on makes the association itself."""

    def __post_init__(self) -> None:
        if (self.policy is None) == (self.managed_policy_arn is None):
            raise ValueError("a Pod Identity takes either a policy or a managed policy: set exactly one of the two")


class PodIdentity(pulumi.ComponentResource):
    """`<name>` is the role's logical name, and begins its physical one."""

    role_arn: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]
    """What must exist before a pod can use the identity, and until it no longer does; the last of it."""

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:pod_identity:PodIdentity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        trust = pod_identity_trust(
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
        )
        role = aws.iam.Role(name, assume_role_policy=pulumi.Output.json_dumps(trust), opts=child)
        permissions: pulumi.Resource
        if args.policy is not None:
            permissions = aws.iam.RolePolicy(
                name, role=role.id, policy=pulumi.Output.json_dumps(args.policy), opts=child
            )
        else:
            permissions = aws.iam.RolePolicyAttachment(
                name, role=role.name, policy_arn=args.managed_policy_arn, opts=child
            )
        self.role_arn = role.arn
        self.ready = (permissions,)
        if args.associate:
            association = aws.eks.PodIdentityAssociation(
                name,
                cluster_name=args.cluster_name,
                namespace=args.namespace,
                service_account=args.service_account,
                role_arn=role.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after, permissions]),
            )
            self.ready = (association,)
        self.register_outputs({"role_arn": self.role_arn})
