"""The stack: load settings, wire components, export. Nothing else."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

import settings as stack_settings
from components.admission import Admission, AdmissionArgs
from components.certificates import Certificates, CertificatesArgs
from components.cluster import Cluster, ClusterArgs
from components.dns_firewall import DnsFirewall, DnsFirewallArgs
from components.ingress_gateway import IngressGateway, IngressGatewayArgs
from components.load_balancer import (
    LoadBalancer,
    LoadBalancerArgs,
    LoadBalancerController,
    LoadBalancerControllerArgs,
)
from components.mesh_namespace import mesh_namespaces
from components.mesh_policies import MeshPolicies, MeshPoliciesArgs
from components.network import Network, NetworkArgs
from components.nodes.karpenter import Karpenter, KarpenterArgs
from components.nodes.secrets_store import SecretsStore, SecretsStoreArgs
from components.observability import Observability, ObservabilityArgs
from components.platform_network_policies import PlatformNetworkPolicies, PlatformNetworkPoliciesArgs
from components.service_mesh import ServiceMesh, ServiceMeshArgs
from manifests.images import Images
from manifests.interface_endpoints import interface_endpoints
from manifests.namespace import platform_namespaces
from manifests.pod_identities import pod_identities

settings = stack_settings.load()
images = Images(settings.image_registry)
tags = {**settings.tags, "environment": settings.environment, "managed-by": "pulumi"}

account = aws.Provider(
    "aws",
    region=settings.region,
    profile=settings.profile,
    allowed_account_ids=settings.allowed_account_ids or None,
    default_tags=aws.ProviderDefaultTagsArgs(tags=tags),
)
in_account = pulumi.ResourceOptions(providers={"aws": account})

network = Network(
    "network",
    NetworkArgs(
        settings=settings.network,
        region=settings.region,
        cluster_name=settings.cluster.name,
        control_plane_zones=settings.cluster.control_plane_zones,
    ),
    opts=in_account,
)
dns_firewall = DnsFirewall(
    "dns-firewall",
    DnsFirewallArgs(settings=settings, vpc_id=network.vpc_id, after=network.ready),
    opts=in_account,
)
cluster = Cluster(
    "cluster",
    ClusterArgs(
        settings=settings.cluster,
        region=settings.region,
        profile=settings.profile,
        vpc_id=network.vpc_id,
        private_subnet_ids=network.private_subnet_ids,
        private_subnets=network.private_subnets,
        control_plane_private_subnet_ids=network.control_plane_private_subnet_ids,
        control_plane_public_subnet_ids=network.control_plane_public_subnet_ids,
        tags=tags,
        identities=pod_identities(
            region=settings.region, cluster=settings.cluster, observability=settings.observability
        ),
        after=dns_firewall.ready,
    ),
    opts=in_account,
)
in_cluster = pulumi.ResourceOptions(providers={"kubernetes": cluster.provider})
in_both = pulumi.ResourceOptions(providers={"aws": account, "kubernetes": cluster.provider})

admission = Admission(
    "admission",
    AdmissionArgs(
        settings=settings.admission,
        mesh=settings.mesh,
        namespaces=settings.namespaces,
        images=images,
        platform=platform_namespaces(settings.cluster),
        after=cluster.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
controller = LoadBalancerController(
    "load-balancer-controller",
    LoadBalancerControllerArgs(
        region=settings.region,
        cluster_name=settings.cluster.name,
        vpc_id=network.vpc_id,
        images=images,
        provided=settings.cluster.provided.load_balancer_controller,
        after=cluster.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_both,
)
karpenter = Karpenter(
    "karpenter",
    KarpenterArgs(
        settings=settings.cluster,
        region=settings.region,
        account=cluster.karpenter,
        subnet_ids=network.private_subnet_list,
        tags=tags,
        images=images,
        after=cluster.ready,
    ),
    opts=in_cluster,
)
mesh = ServiceMesh(
    "service-mesh",
    ServiceMeshArgs(
        mesh=settings.mesh,
        gateway=settings.gateway,
        images=images,
        cluster_name=settings.cluster.name,
        tracing=settings.observability.tracing,
        after=cluster.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
certificates = Certificates(
    "certificates",
    CertificatesArgs(
        certificates=settings.certificates,
        images=images,
        provided=settings.cluster.provided.cert_manager,
        domain=settings.load_balancer.domain,
        ingress_namespace=mesh.ingress_namespace,
        after=cluster.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
observability = Observability(
    "observability",
    ObservabilityArgs(
        settings=settings.observability,
        images=images,
        region=settings.region,
        cluster_name=settings.cluster.name,
        log_retention_days=settings.cluster.log_retention_days,
        after=mesh.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_both,
)
platform_policies = PlatformNetworkPolicies(
    "platform-network-policies",
    PlatformNetworkPoliciesArgs(
        settings=settings,
        after=(*certificates.ready, *observability.ready),
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
policies = MeshPolicies(
    "mesh-policies",
    MeshPoliciesArgs(
        mesh=settings.mesh,
        observability=settings.observability,
        namespaces=settings.namespaces,
        cluster_name=settings.cluster.name,
        environment=settings.environment,
        after=mesh.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
gateway = IngressGateway(
    "ingress-gateway",
    IngressGatewayArgs(
        mesh=settings.mesh,
        gateway=settings.gateway,
        namespaces=settings.namespaces,
        after=(*certificates.ready, *policies.ready),
        deleted_with=cluster.resource,
    ),
    opts=in_cluster,
)
secrets_store = SecretsStore(
    "secrets-store",
    SecretsStoreArgs(
        namespaces=settings.namespaces,
        cluster_name=cluster.name,
        after=cluster.ready,
        deleted_with=cluster.resource,
    ),
    opts=in_account,
)
namespaces = mesh_namespaces(
    settings.namespaces,
    mesh=settings.mesh,
    images=images,
    tracing=settings.observability.tracing,
    secrets=settings.secrets,
    cluster_name=settings.cluster.name,
    region=settings.region,
    endpoints=interface_endpoints(settings.network, region=settings.region),
    after=(*admission.ready, *karpenter.ready, *platform_policies.ready, *gateway.ready, *secrets_store.ready),
    deleted_with=cluster.resource,
    opts=in_both,
)
load_balancer = LoadBalancer(
    "load-balancer",
    LoadBalancerArgs(
        settings=settings.load_balancer,
        cluster_name=settings.cluster.name,
        namespaces=settings.namespaces,
        controller=controller,
        after=gateway.ready,
        tags=tags,
    ),
    opts=in_both,
)

pulumi.export("clusterName", cluster.name)
pulumi.export("vpcId", network.vpc_id)
pulumi.export("gatewayAddress", load_balancer.address)
pulumi.export("passthroughAddress", load_balancer.passthrough_address)
pulumi.export("applicationUrls", load_balancer.urls)
pulumi.export("trustDomain", mesh.trust_domain)
pulumi.export("istioRevision", mesh.revision)
pulumi.export("kubeconfig", cluster.kubeconfig)
