"""The EKS cluster, its nodes and add-ons, and the one Kubernetes provider; or an existing cluster by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

from components.cluster_access import private_rules, still_waits, without_creators_admin
from components.nodes.karpenter_account import KarpenterAccount, KarpenterAccountArgs
from components.nodes.node_groups import NodeGroupsArgs, node_groups
from components.pod_identity import PodIdentity, PodIdentityArgs
from configuration.cluster import Cluster as ClusterSettings
from configuration.cluster import ExistingCluster
from manifests.access_entries import PolicyScope, access_by_principal
from manifests.iam import CNI_POLICY
from manifests.kubeconfig import kubeconfig, with_profile
from manifests.pod_identities import ServiceAccountIdentity
from versions import EKS, METRICS_SERVER_ADDON, METRICS_SERVER_ADDON_VERSION, POD_IDENTITY_ADDON, EksVersions


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    settings: ClusterSettings
    region: str
    profile: str | None
    vpc_id: pulumi.Input[str]
    private_subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """The nodes'."""
    private_subnets: Mapping[str, pulumi.Input[str]]
    """The same by their zones; empty where nobody named these."""
    control_plane_private_subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    control_plane_public_subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    tags: Mapping[str, str]
    """Of nodes and their volumes: the provider's default tags do not reach what a launch template makes."""
    identities: Sequence[ServiceAccountIdentity]
    """Of the platform's service accounts, in an existing cluster too."""
    after: Sequence[pulumi.Resource]
    """The nodes' way out of the VPC, and what guards it (`DnsFirewall.ready`): without it they cannot join."""


class Cluster(pulumi.ComponentResource):
    name: pulumi.Output[str]
    """Whatever is made with it comes after the cluster."""
    provider: kubernetes.Provider
    """For everything in the cluster: server-side apply, pinned to this cluster."""
    kubeconfig: pulumi.Output[str]
    """JSON; a secret."""
    ready: tuple[pulumi.Resource, ...]
    """What a pod needs to run, the last of it: DNS, which comes after the nodes, which come after their way out of the
    VPC, the other add-ons and every Pod Identity. Of an existing cluster the way out, the identities, and what gives
    them to pods."""
    resource: pulumi.Resource | None
    """For `deleted_with`; None for an existing cluster, which a destroy leaves standing."""

    karpenter: KarpenterAccount | None
    """Where the settings ask for it."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:cluster:Cluster", name, None, opts)
        self._args = args
        self._settings = args.settings
        self._reached: tuple[pulumi.Resource, ...] = ()
        self.karpenter = None
        if args.settings.existing:
            self._adopt(args.settings.existing)
        else:
            self._build()
        self.provider = kubernetes.Provider(
            "kubernetes",
            kubeconfig=self.kubeconfig,
            enable_server_side_apply=True,
            # Otherwise the provider takes any change of the kubeconfig, such as a profile, for another cluster and
            # replaces everything in it.
            cluster_identifier=f"{args.region}/{args.settings.name}",
            # Without the rules a deployer inside the network would wait for an answer until it gives up.
            opts=self._child(*self._reached),
        )
        self.register_outputs(
            {
                "name": self.name,
                "kubeconfig": self.kubeconfig,
            }
        )

    @property
    def _versions(self) -> EksVersions:
        return EKS[self._settings.kubernetes_version]

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _adopt(self, existing: ExistingCluster) -> None:
        cluster = aws.eks.get_cluster_output(name=self._settings.name, opts=pulumi.InvokeOutputOptions(parent=self))
        self.name = cluster.name
        self.kubeconfig = pulumi.Output.secret(
            pulumi.Output.json_dumps(
                kubeconfig(
                    cluster_name=self._settings.name,
                    region=self._args.region,
                    profile=self._args.profile,
                    endpoint=cluster.endpoint,
                    certificate_authority=cluster.certificate_authorities[0].data,
                )
            )
        )
        # Its nodes are there: a pod that starts before the agent would have no credentials.
        agent = () if existing.pod_identity_agent else (self._pod_identity_agent(*self._args.after),)
        if not existing.metrics_server:
            self._addon(METRICS_SERVER_ADDON, *self._args.after, version=METRICS_SERVER_ADDON_VERSION)
        self.ready = (*self._args.after, *self._identities(), *agent)
        self.resource = None

    def _build(self) -> None:
        cluster = self._control_plane()
        # The name that the settings gave it, but from the cluster: whatever names it waits for it, and is still known
        # in a preview.
        self.name = cluster.urn.apply(lambda _urn: self._settings.name)
        self.kubeconfig = pulumi.Output.secret(
            cluster.kubeconfig_json.apply(lambda text: with_profile(text, self._args.profile))
        )
        self.resource = cluster
        self._reached = private_rules(
            self._settings, security_group_id=cluster.cluster_security_group_id, opts=self._child()
        )
        if waits := still_waits(self._settings):
            pulumi.log.warn(waits)
        networking = self._networking_addons(cluster)
        identities = self._identities(cluster)
        if self._settings.node_group.autoscaler == "karpenter":
            self.karpenter = KarpenterAccount(
                "karpenter-account",
                KarpenterAccountArgs(
                    cluster_name=self._settings.name,
                    security_group_id=cluster.cluster_security_group_id,
                    region=self._args.region,
                    after=(cluster,),
                ),
                opts=self._child(),
            )
            identities += self.karpenter.ready
        *_, nodes = node_groups(
            NodeGroupsArgs(
                settings=self._settings,
                cluster_name=self.name,
                subnets=self._args.private_subnets,
                subnet_ids=self._args.private_subnet_ids,
                tags=self._args.tags,
                after=(cluster, *networking, *identities, *self._args.after),
            ),
            child=self._child,
        )
        dns = self._addon("coredns", cluster, nodes, version=self._versions.coredns)
        # Nothing waits for it: until it is there, each HorizontalPodAutoscaler leaves its pods as many as they are.
        self._addon(METRICS_SERVER_ADDON, cluster, nodes, version=METRICS_SERVER_ADDON_VERSION)
        self.ready = (dns,)

    def _control_plane(self) -> eks.Cluster:
        settings = self._settings
        key = aws.kms.Key(
            "secrets",
            description=f"Envelope encryption of the Secrets of EKS cluster {settings.name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=self._child(),
        )
        # EKS would make this group itself, without retention, and leave it behind.
        logs = aws.cloudwatch.LogGroup(
            "control-plane",
            name=f"/aws/eks/{settings.name}/cluster",
            retention_in_days=settings.log_retention_days,
            opts=self._child(),
        )
        public = [str(cidr) for cidr in settings.public_access_cidrs]
        return eks.Cluster(
            "cluster",
            name=settings.name,
            version=settings.kubernetes_version,
            vpc_id=self._args.vpc_id,
            private_subnet_ids=self._args.control_plane_private_subnet_ids,
            public_subnet_ids=self._args.control_plane_public_subnet_ids,
            authentication_mode=eks.AuthenticationMode.API,
            access_entries=self._access_entries(),
            create_oidc_provider=settings.oidc,
            encryption_config_key_arn=key.arn,
            enabled_cluster_log_types=list(settings.logs),
            endpoint_private_access=True,
            endpoint_public_access=bool(public),
            public_access_cidrs=public or None,
            deletion_protection=settings.deletion_protection,
            # Nodes and add-ons are made below, where their order is ours; and with managed nodes the default groups
            # would put a second group with the cluster's tag on each interface, which the load balancer controller
            # refuses.
            skip_default_node_group=True,
            skip_default_security_groups=True,
            create_instance_role=False,
            bootstrap_self_managed_addons=False,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            # Set even when it is empty: otherwise an AWS_PROFILE of the machine ends in the kubeconfig, and laptops
            # and CI take turns in changing it.
            provider_credential_opts=eks.KubeconfigOptionsArgs(profile_name=self._args.profile),
            # The default, extended support, begins by itself and costs six times as much.
            # https://docs.aws.amazon.com/eks/latest/userguide/view-upgrade-policy.html
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs], transforms=[without_creators_admin]),
        )

    def _access_entries(self) -> dict[str, eks.AccessEntryArgs]:
        return {
            key: eks.AccessEntryArgs(
                principal_arn=access.principal_arn,
                kubernetes_groups=list(access.groups) or None,
                access_policies={
                    name: eks.AccessPolicyAssociationArgs(policy_arn=scope.policy_arn, access_scope=_scope(scope))
                    for name, scope in access.policies.items()
                },
            )
            for key, access in access_by_principal(self._settings.access).items()
        }

    def _networking_addons(self, cluster: eks.Cluster) -> tuple[pulumi.Resource, ...]:
        """What a node needs to become ready. On a destroy the CNI goes after the nodes, or its interfaces leak."""
        agent = self._pod_identity_agent(cluster)
        # By Pod Identity rather than on the node's role, which every process on the node can use. The agent runs on
        # the host's network, so it does not wait for the CNI that waits for it.
        identity = PodIdentity(
            "vpc-cni",
            PodIdentityArgs(
                cluster_name=self._settings.name,
                namespace="kube-system",
                service_account="aws-node",
                managed_policy_arn=CNI_POLICY,
                associate=False,
            ),
            opts=self._child(),
        )
        cni = self._addon(
            "vpc-cni",
            cluster,
            agent,
            *identity.ready,
            version=self._versions.vpc_cni,
            configuration={"enableNetworkPolicy": "true"},
            identities=[
                aws.eks.AddonPodIdentityAssociationArgs(role_arn=identity.role_arn, service_account="aws-node")
            ],
        )
        return (cni, self._addon("kube-proxy", cluster, version=self._versions.kube_proxy))

    def _pod_identity_agent(self, *depends_on: pulumi.Resource) -> aws.eks.Addon:
        return self._addon(POD_IDENTITY_ADDON, *depends_on, version=self._versions.pod_identity_agent)

    def _addon(
        self,
        name: str,
        *depends_on: pulumi.Resource,
        version: str,
        configuration: Mapping[str, str] | None = None,
        identities: Sequence[aws.eks.AddonPodIdentityAssociationArgs] | None = None,
    ) -> aws.eks.Addon:
        return aws.eks.Addon(
            name,
            cluster_name=self.name,
            addon_name=name,
            addon_version=version,
            configuration_values=json.dumps(configuration) if configuration else None,
            pod_identity_associations=identities,
            # What EKS or a hand left behind is taken over: the add-on is ours.
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self._child(*depends_on),
        )

    def _identities(self, *after: pulumi.Resource) -> tuple[pulumi.Resource, ...]:
        """Before the nodes: an association takes seconds to take effect, and a pod that starts without keeps none.

        https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html ("eventually consistent")
        """
        return tuple(
            ready
            for identity in self._args.identities
            for ready in PodIdentity(
                identity.name,
                PodIdentityArgs(
                    cluster_name=self._settings.name,
                    namespace=identity.namespace,
                    service_account=identity.service_account,
                    policy=identity.policy,
                    after=after,
                ),
                opts=pulumi.ResourceOptions(
                    parent=self, aliases=[_under(identity.formerly)] if identity.formerly else None
                ),
            ).ready
        )


def _under(component: str) -> pulumi.Alias:
    return pulumi.Alias(parent=f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{component}")


def _scope(scope: PolicyScope) -> aws.eks.AccessPolicyAssociationAccessScopeArgs:
    if scope.namespaces:
        return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=list(scope.namespaces))
    return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
