"""A small program with one of everything that a plan has to record: components, providers, secrets, documents."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

NAMESPACE = "shop"
POLICY = "security.istio.io/v1"
config = pulumi.Config("sample")


class Zone(pulumi.ComponentResource):
    def __init__(self, name: str, vpc: aws.ec2.Vpc, opts: pulumi.ResourceOptions) -> None:
        super().__init__("mesh:network:Zone", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = {"kubernetes.io/role/elb": "1"}
        zone, public, private = "eu-west-1a", "10.0.64.0/22", "10.0.0.0/19"
        self.public = aws.ec2.Subnet(
            f"public-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=public, tags=tags, opts=child
        )
        self.private = aws.ec2.Subnet(
            f"private-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=private, opts=child
        )
        aws.ec2.NatGateway(f"nat-{zone}", subnet_id=self.public.id, opts=child)
        self.register_outputs({"private": self.private.id})


class Network(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("mesh:network:Network", name, None, opts)
        self.vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(parent=self))
        self.zone = Zone("zone-a", self.vpc, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"vpc": self.vpc.id})


region = aws.Provider("aws", region="eu-west-1")
network = Network("network", pulumi.ResourceOptions(providers={"aws": region}))
cluster = eks.Cluster(
    "mesh",
    name="sample",
    vpc_id=network.vpc.id,
    private_subnet_ids=[network.zone.private.id],
    opts=pulumi.ResourceOptions(providers={"aws": region}),
)
provider = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig_json)
opts = pulumi.ResourceOptions(provider=provider, deleted_with=cluster)
namespace = kubernetes.core.v1.Namespace(
    NAMESPACE, metadata={"name": NAMESPACE, "labels": {"istio.io/rev": "stable"}}, opts=opts
)
later = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace]))
labels = {"app": "cart"}
kubernetes.core.v1.Secret(
    f"{NAMESPACE}/token",
    metadata={"name": "token", "namespace": NAMESPACE},
    string_data={"token": config.require_secret("token")},
    opts=later,
)
kubernetes.apps.v1.Deployment(
    f"{NAMESPACE}/cart",
    metadata={"name": "cart", "namespace": NAMESPACE},
    spec={
        "replicas": 2,
        "selector": {"match_labels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "service_account_name": "cart-sa",
                "containers": [
                    {
                        "name": "cart",
                        "image": "registry.example.com/cart:v1",
                        "env": [{"name": "TOKEN", "value": config.require_secret("token")}],
                        "ports": [{"container_port": 8080}],
                    }
                ],
            },
        },
    },
    opts=pulumi.ResourceOptions.merge(
        later,
        pulumi.ResourceOptions(
            custom_timeouts=pulumi.CustomTimeouts(delete="20m"), aliases=[pulumi.Alias(name="basket")]
        ),
    ),
)
kubernetes.apiextensions.CustomResource(
    f"{NAMESPACE}/allow",
    api_version=POLICY,
    kind="AuthorizationPolicy",
    metadata={"name": "allow", "namespace": NAMESPACE},
    spec={
        "selector": {"matchLabels": labels},
        "action": config.get("action") or "ALLOW",
        "rules": [
            {
                "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web-sa"]}}],
                "to": [{"operation": {"methods": ["GET"], "paths": ["/api/*"]}}],
            }
        ],
    },
    opts=later,
)
pulumi.export("vpc", network.vpc.id)
pulumi.export("kubeconfig", pulumi.Output.secret(cluster.kubeconfig))
pulumi.export("version", cluster.eks_cluster.apply(lambda made: made.name))
