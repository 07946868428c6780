"""One application of a namespace: identity, workload, route, callers, egress, in an order without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.pod_identity import PodIdentity, PodIdentityArgs
from components.submission import submit, submit_all
from configuration.kinds.secrets import Secrets
from manifests.application import application_documents
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.pod_identities import application_identity


@dataclass(frozen=True, kw_only=True)
class ApplicationArgs:
    member: Member
    graph: MeshGraph
    images: Images
    revision: str
    """Istio's; the pods roll when it changes."""
    tracing: bool
    secrets: Secrets
    """The stack's."""
    cluster_name: str
    """Of the EKS cluster, in which its service account may have an identity in AWS."""
    region: str
    after: Sequence[pulumi.Resource]
    """Its namespace, labelled, with the policies that hold there."""
    deleted_with: pulumi.Resource | None
    """The cluster, if it is ours."""


class Application(pulumi.ComponentResource):
    hosts: pulumi.Output[Sequence[str]]
    """The public names under which the gateway serves it."""
    ready: tuple[pulumi.Resource, ...]
    """Its pods rolled out, and its rules in force."""

    def __init__(self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:application:Application", name, None, opts)
        documents = application_documents(
            args.member,
            graph=args.graph,
            images=args.images,
            revision=args.revision,
            tracing=args.tracing,
            secrets=args.secrets,
            region=args.region,
        )
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        policies = submit_all(documents.policies, opts=order.after())
        identity = (submit(documents.service_account, opts=order.after()),) if documents.service_account else ()
        aws_identity = self._aws_identity(args)
        secret = (submit(documents.secret, opts=order.after()),) if documents.secret else ()
        files = documents.secret_provider_class
        secrets_manager = (submit(files, opts=order.after()),) if files else ()
        rule: tuple[pulumi.Resource, ...] = ()
        if documents.destination_rule and documents.rule_before_pods:
            # Out of the mesh: callers stop using mutual TLS before the first pod loses its sidecar.
            rule = (submit(documents.destination_rule, opts=order.after(*policies)),)
        workload = submit_all(documents.workload, opts=order.after())
        pods: tuple[pulumi.Resource, ...] = ()
        if documents.deployment:
            opts = order.after(*(rule or policies), *identity, *secret, *secrets_manager, *aws_identity)
            if documents.autoscaler:
                # With server-side apply the provider then sends the number that is there, as long as nobody else has
                # changed it, and none at all once the autoscaler has: neither `up` undoes the other, and nobody falls
                # back to one pod in between. pulumi-kubernetes, provider/pkg/await (handleSSAIgnoreFields).
                opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["spec.replicas"]))
            pods = (submit(documents.deployment, opts=opts),)
        scaled = (submit(documents.autoscaler, opts=order.after(*pods)),) if documents.autoscaler else ()
        if documents.destination_rule and not documents.rule_before_pods:
            # Into the mesh: callers begin to use it only when the last pod has its own. Until then the namespace's
            # exemption holds (mesh_policies), which the engine deletes when all else is done.
            rule = (submit(documents.destination_rule, opts=order.after(*(pods or policies))),)
        route = (submit(documents.virtual_service, opts=order.after(*rule)),) if documents.virtual_service else ()

        self.hosts = pulumi.Output.from_input(list(args.member.application.hosts))
        self.ready = order.last(*policies, *workload, *pods, *scaled, *rule, *route)
        self.register_outputs({"hosts": self.hosts})

    def _aws_identity(self, args: ApplicationArgs) -> tuple[pulumi.Resource, ...]:
        """Before its pods: one that starts without it keeps none. An association is effective some seconds after it is
        made, so admission refuses a pod until EKS has told it of its agent (manifests/admission/pods.py)."""
        identity = application_identity(args.member, region=args.region)
        if identity is None:
            return ()
        return PodIdentity(
            identity.name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=identity.namespace,
                service_account=identity.service_account,
                policy=identity.policy,
                # As early as can be: it takes seconds to take effect.
                after=(args.deleted_with,) if args.deleted_with else (),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).ready
