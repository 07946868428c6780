"""What Karpenter needs in the account: an identity for itself and one for its nodes, and word of interruptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.nodes.node_groups import node_role
from components.pod_identity import PodIdentity, PodIdentityArgs
from manifests.karpenter import KARPENTER
from manifests.karpenter_policy import INTERRUPTIONS, interruption_queue, karpenter_controller
from manifests.names import KUBE_SYSTEM

_KEPT_SECONDS = 300
"""What nobody has read after five minutes is about an instance that is gone."""


@dataclass(frozen=True, kw_only=True)
class KarpenterAccountArgs:
    cluster_name: str
    security_group_id: pulumi.Input[str]
    """EKS's own, which the groups' nodes have."""
    region: str
    after: Sequence[pulumi.Resource]
    """The cluster, which takes the access entry and the association."""


class KarpenterAccount(pulumi.ComponentResource):
    instance_profile: pulumi.Output[str]
    """The name of the one that its nodes have."""
    security_group_id: pulumi.Input[str]
    """That of its nodes."""
    queue_name: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: KarpenterAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:karpenter_account:KarpenterAccount", name, None, opts)
        self._args = args
        role, policies = node_role("karpenter-nodes", child=self._child)
        profile = aws.iam.InstanceProfile("karpenter-nodes", role=role.name, opts=self._child(*policies))
        # EKS makes one for the groups' role, and for no other.
        # https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
        entry = aws.eks.AccessEntry(
            "karpenter-nodes",
            cluster_name=args.cluster_name,
            principal_arn=role.arn,
            type="EC2_LINUX",
            opts=self._child(*args.after),
        )
        queue, word = self._interruptions()
        identity = PodIdentity(
            KARPENTER,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=KUBE_SYSTEM,
                service_account=KARPENTER,
                policy=karpenter_controller(
                    region=args.region, cluster_name=args.cluster_name, node_role_arn=role.arn, queue_arn=queue.arn
                ),
                after=args.after,
            ),
            opts=self._child(),
        )
        self.instance_profile = profile.name
        self.security_group_id = args.security_group_id
        self.queue_name = queue.name
        self.ready = (profile, entry, *word, *identity.ready)
        self.register_outputs({"instance_profile": self.instance_profile, "queue_name": self.queue_name})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _interruptions(self) -> tuple[aws.sqs.Queue, tuple[pulumi.Resource, ...]]:
        """The queue, and what fills it."""
        queue = aws.sqs.Queue(
            "interruptions",
            message_retention_seconds=_KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=self._child(),
        )
        rules = {
            kind: aws.cloudwatch.EventRule(
                f"interruptions-{kind}",
                description=f"For Karpenter of EKS cluster {self._args.cluster_name}",
                event_pattern=json.dumps(pattern),
                opts=self._child(),
            )
            for kind, pattern in INTERRUPTIONS.items()
        }
        access = aws.sqs.QueuePolicy(
            "interruptions",
            queue_url=queue.url,
            policy=pulumi.Output.json_dumps(
                interruption_queue(queue_arn=queue.arn, rule_arns=[rule.arn for rule in rules.values()])
            ),
            opts=self._child(),
        )
        return queue, tuple(
            aws.cloudwatch.EventTarget(f"interruptions-{kind}", rule=rule.name, arn=queue.arn, opts=self._child(access))
            for kind, rule in rules.items()
        )
