"""The cluster: made with everything pulumi-eks would otherwise decide for us, or taken as it is."""

from __future__ import annotations

import functools
import json
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

import pulumi
import pulumi_aws as aws

from components.cluster import Cluster, ClusterArgs
from configuration.cluster import AccessEntry, NodeGroup
from configuration.cluster import Cluster as ClusterSettings
from manifests.pod_identities import ServiceAccountIdentity
from offline.registration import Registration
from offline.values import Secret
from tests.unit.components.recording import Recording, key_of, known, run
from versions import EKS as BUILDS
from versions import ISTIO_KUBERNETES

COMPONENT = "mesh:cluster:Cluster::cluster"
EKS = "eks:index:Cluster::cluster"
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
# In their order, each after the one before.
GROUPS = tuple(f"aws:eks/nodeGroup:NodeGroup::nodes-{zone}" for zone in reversed(ZONES))
FIRST, _, LAST = GROUPS
ROUTE = "aws:ec2/internetGateway:InternetGateway::nat-route"
UNUSED = {"enabled": False, "resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "OVERWRITE"}
ROLE = "arn:aws:iam::111122223333:role/"


def addon(name: str) -> str:
    return f"aws:eks/addon:Addon::{name}"


@functools.cache  # a recording is only read
def record(
    *,
    preview: bool,
    profile: str | None = None,
    identities: tuple[ServiceAccountIdentity, ...] = (),
    zones: tuple[str, ...] = ZONES,
    **changes: Any,
) -> Recording:
    values: dict[str, Any] = {"name": "mesh-dev", **changes}
    settings = ClusterSettings(**values)

    def program() -> dict[str, Any]:
        provider = aws.Provider("aws", region="eu-west-1")
        route = aws.ec2.InternetGateway("nat-route", opts=pulumi.ResourceOptions(provider=provider))
        cluster = Cluster(
            "cluster",
            ClusterArgs(
                settings=settings,
                region="eu-west-1",
                profile=profile,
                vpc_id="vpc-1",
                private_subnet_ids=["subnet-a", "subnet-b", "subnet-e"],
                private_subnets=dict(zip(zones, ("subnet-a", "subnet-b", "subnet-e"), strict=False)),
                control_plane_private_subnet_ids=["subnet-a", "subnet-b"],
                control_plane_public_subnet_ids=["subnet-c", "subnet-d"],
                tags={"team": "platform"},
                identities=identities,
                after=[route],
            ),
            pulumi.ResourceOptions(providers={"aws": provider}),
        )
        return {
            "name": cluster.name,
            "kubeconfig": cluster.kubeconfig,
            "ready": pulumi.Output.all(*[resource.urn for resource in cluster.ready]).apply(
                lambda urns: [key_of(urn) for urn in urns]
            ),
            "has_resource": cluster.resource is not None,
        }

    return run(program, preview=preview)


def test_a_cluster_of_our_own_consists_of_exactly_these_resources(preview: bool) -> None:
    assert sorted(record(preview=preview).keys) == sorted(
        [
            "pulumi:providers:aws::aws",
            ROUTE,
            COMPONENT,
            "aws:kms/key:Key::secrets",
            "aws:cloudwatch/logGroup:LogGroup::control-plane",
            EKS,
            *map(addon, ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "metrics-server")),
            "mesh:pod_identity:PodIdentity::vpc-cni",
            "aws:iam/role:Role::vpc-cni",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::vpc-cni",
            "aws:iam/role:Role::nodes",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-worker",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-images",
            "aws:ec2/launchTemplate:LaunchTemplate::nodes",
            *GROUPS,
            "pulumi:providers:kubernetes::kubernetes",
        ]
    )


def test_pulumi_eks_is_told_everything_that_it_would_decide_otherwise(preview: bool) -> None:
    recording = record(preview=preview, deletion_protection=False)
    cluster = recording[EKS]
    assert cluster.inputs == {
        "name": "mesh-dev",
        "version": "1.35",
        "vpcId": "vpc-1",
        "privateSubnetIds": ["subnet-a", "subnet-b"],
        "publicSubnetIds": ["subnet-c", "subnet-d"],
        "authenticationMode": "API",
        "accessEntries": {},
        "createOidcProvider": False,
        "encryptionConfigKeyArn": known("arn:aws:kms:eu-west-1:111122223333:key/secrets", preview),
        "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
        "deletionProtection": False,
        "upgradePolicy": {"supportType": "STANDARD"},
        "skipDefaultNodeGroup": True,
        "skipDefaultSecurityGroups": True,
        "createInstanceRole": False,
        "bootstrapSelfManagedAddons": False,
        "useDefaultVpcCni": True,
        "kubeProxyAddonOptions": UNUSED,
        "corednsAddonOptions": UNUSED,
        "providerCredentialOpts": {},
    }
    assert (cluster.parent, cluster.remote, cluster.providers) == (COMPONENT, True, {"aws": "aws"})
    assert "aws:cloudwatch/logGroup:LogGroup::control-plane" in cluster.depends_on, "or EKS makes it, without end"


def test_a_public_endpoint_is_open_to_the_named_networks_only(preview: bool) -> None:
    inputs = record(preview=preview, public_access_cidrs=(IPv4Network("198.51.100.0/24"),))[EKS].inputs
    assert (inputs["endpointPublicAccess"], inputs["publicAccessCidrs"]) == (True, ["198.51.100.0/24"])
    assert inputs["endpointPrivateAccess"] is True


def test_secrets_have_a_rotating_key_and_logs_an_end(preview: bool) -> None:
    recording = record(preview=preview, log_retention_days=14)
    assert recording["aws:kms/key:Key::secrets"].inputs == {
        "description": "Envelope encryption of the Secrets of EKS cluster mesh-dev",
        "enableKeyRotation": True,
        "deletionWindowInDays": 30,
    }
    assert recording["aws:cloudwatch/logGroup:LogGroup::control-plane"].inputs == {
        "name": "/aws/eks/mesh-dev/cluster",
        "retentionInDays": 14,
    }


def test_access_is_granted_by_entries(preview: bool) -> None:
    access = (
        AccessEntry(principal_arn=f"{ROLE}platform", policy="ClusterAdmin"),
        AccessEntry(principal_arn=f"{ROLE}team/developers", policy="Edit", namespaces=("secure-apps",)),
    )
    policies = "arn:aws:eks::aws:cluster-access-policy"
    assert record(preview=preview, access=access)[EKS].inputs["accessEntries"] == {
        "111122223333-role-platform": {
            "principalArn": f"{ROLE}platform",
            "accessPolicies": {
                "ClusterAdmin": {
                    "policyArn": f"{policies}/AmazonEKSClusterAdminPolicy",
                    "accessScope": {"type": "cluster"},
                }
            },
        },
        "111122223333-role-team/developers": {
            "principalArn": f"{ROLE}team/developers",
            "accessPolicies": {},
            "kubernetesGroups": ["mesh-tenants:secure-apps"],
        },
    }


def test_nodes_are_hardened_and_sized_as_the_settings_say(preview: bool) -> None:
    nodes = NodeGroup(
        instance_types=("m7g.large",),
        architecture="arm64",
        capacity="SPOT",
        min_size=2,
        desired_size=4,
        max_size=8,
        disk_gib=40,
    )
    recording = record(preview=preview, node_group=nodes)
    assert recording["aws:ec2/launchTemplate:LaunchTemplate::nodes"].inputs == {
        "updateDefaultVersion": True,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {"volumeType": "gp3", "volumeSize": 40, "encrypted": "true", "deleteOnTermination": "true"},
            }
        ],
        "tagSpecifications": [
            {"resourceType": "instance", "tags": {"team": "platform", "Name": "mesh-dev-node"}},
            {"resourceType": "volume", "tags": {"team": "platform", "Name": "mesh-dev-node"}},
        ],
    }
    assert recording[LAST].inputs == {
        "clusterName": "mesh-dev",
        "nodeRoleArn": known("arn:aws:iam::111122223333:role/nodes", preview),
        "subnetIds": ["subnet-a"],
        "version": "1.35",
        "releaseVersion": "1.35.6-20260714",
        "amiType": "AL2023_ARM_64_STANDARD",
        "capacityType": "SPOT",
        "instanceTypes": ["m7g.large"],
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        "updateConfig": {"maxUnavailablePercentage": 33},
        "launchTemplate": {"id": known("nodes-id", preview), "version": known("7", preview)},
    }


def test_each_zone_has_its_group_and_they_change_one_after_the_other(preview: bool) -> None:
    recording = record(preview=preview, node_group=NodeGroup(min_size=2, desired_size=4, max_size=8))
    inputs = [recording[group].inputs for group in reversed(GROUPS)]
    assert [one["subnetIds"] for one in inputs] == [["subnet-a"], ["subnet-b"], ["subnet-e"]]
    assert [tuple(one["scalingConfig"].values()) for one in inputs] == [(2, 3, 1), (1, 3, 1), (1, 2, 0)]
    for before, after in pairwise(GROUPS):
        assert before in recording[after].depends_on, "two at once would take the nodes of two zones"
        assert after not in recording.needs(before)


def test_a_network_whose_zones_nobody_names_has_one_group_over_all_of_it(preview: bool) -> None:
    recording = record(preview=preview, zones=())
    (group,) = recording.of_type("aws:eks/nodeGroup:NodeGroup").items()
    assert group[0] == "nodes"
    assert group[1].inputs["subnetIds"] == ["subnet-a", "subnet-b", "subnet-e"]
    assert group[1].inputs["scalingConfig"] == {"minSize": 2, "desiredSize": 3, "maxSize": 6}


def test_what_somebody_else_scales_is_not_scaled_back(preview: bool) -> None:
    assert [resource.ignore_changes for resource in _groups(preview)] == [()] * 3
    karpenter = NodeGroup(autoscaler="karpenter")
    assert [resource.ignore_changes for resource in _groups(preview, node_group=karpenter)] == [
        ("scalingConfig.desiredSize",)
    ] * 3


def _groups(preview: bool, **changes: Any) -> list[Registration]:
    return [*record(preview=preview, **changes).of_type("aws:eks/nodeGroup:NodeGroup").values()]


def test_nodes_and_addons_are_of_their_kubernetes_and_of_no_other(preview: bool) -> None:
    for version, nodes, proxy in (
        ("1.35", "1.35.6-20260714", "v1.35.3-eksbuild.13"),
        ("1.36", "1.36.2-20260714", "v1.36.0-eksbuild.14"),
    ):
        recording = record(preview=preview, kubernetes_version=version)
        assert {recording[group].inputs["releaseVersion"] for group in GROUPS} == {nodes}
        assert recording[addon("kube-proxy")].inputs["addonVersion"] == proxy
        unpinned = [
            name
            for name, resource in recording.of_type("aws:eks/addon:Addon").items()
            if not resource.inputs.get("addonVersion")
        ]
        assert unpinned == [], "after an upgrade of the control plane they would stay behind"
    held = NodeGroup(ami_release="1.35.5-20260610")
    assert record(preview=preview, node_group=held)[FIRST].inputs["releaseVersion"] == "1.35.5-20260610"


def test_every_kubernetes_that_the_settings_take_has_its_builds() -> None:
    assert set(BUILDS) == {minor for minors in ISTIO_KUBERNETES.values() for minor in minors}
    for minor, builds in BUILDS.items():
        assert builds.kube_proxy.startswith(f"v{minor}."), "EKS refuses one newer than the API server"
        assert builds.nodes.startswith(f"{minor}.")


def test_a_nodes_role_may_join_and_pull_and_no_more(preview: bool) -> None:
    recording = record(preview=preview)
    attachments = recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert {name: attachment.inputs["policyArn"].split("/")[-1] for name, attachment in attachments.items()} == {
        "nodes-worker": "AmazonEKSWorkerNodePolicy",
        "nodes-images": "AmazonEC2ContainerRegistryPullOnly",
        "vpc-cni": "AmazonEKS_CNI_Policy",
    }
    trust = json.loads(recording["aws:iam/role:Role::vpc-cni"].inputs["assumeRolePolicy"])
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-name": "mesh-dev",
                    "aws:RequestTag/kubernetes-namespace": "kube-system",
                    "aws:RequestTag/kubernetes-service-account": "aws-node",
                }
            },
        }
    ]


def test_the_cni_enforces_network_policies_under_its_own_identity(preview: bool) -> None:
    assert record(preview=preview)[addon("vpc-cni")].inputs == {
        "clusterName": "mesh-dev",
        "addonName": "vpc-cni",
        "addonVersion": "v1.22.4-eksbuild.3",
        "configurationValues": '{"enableNetworkPolicy": "true"}',
        "podIdentityAssociations": [
            {"roleArn": known("arn:aws:iam::111122223333:role/vpc-cni", preview), "serviceAccount": "aws-node"}
        ],
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }


def test_nodes_come_after_the_cni_and_the_way_out_and_coredns_after_the_nodes(preview: bool) -> None:
    recording = record(preview=preview)
    assert set(recording[FIRST].depends_on) == {
        EKS,
        ROUTE,
        "aws:iam/role:Role::nodes",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-worker",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-images",
        "aws:ec2/launchTemplate:LaunchTemplate::nodes",
        addon("vpc-cni"),
        addon("kube-proxy"),
    }
    assert addon("eks-pod-identity-agent") in recording.needs(FIRST)
    assert LAST in recording[addon("coredns")].depends_on
    assert addon("eks-pod-identity-agent") in recording[addon("vpc-cni")].depends_on
    assert EKS in recording[addon("kube-proxy")].depends_on


def test_without_a_metrics_api_no_autoscaler_would_scale(preview: bool) -> None:
    metrics = record(preview=preview)[addon("metrics-server")]
    assert metrics.inputs == {
        "clusterName": "mesh-dev",
        "addonName": "metrics-server",
        "addonVersion": "v0.8.1-eksbuild.10",
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }
    assert metrics.parent == COMPONENT
    assert LAST in metrics.depends_on, "its pods need a node, or the add-on never becomes active"


def test_there_is_one_explicit_kubernetes_provider_with_a_stable_identity(preview: bool) -> None:
    provider = record(preview=preview)["pulumi:providers:kubernetes::kubernetes"]
    assert provider.parent == COMPONENT
    assert {key: value for key, value in provider.inputs.items() if key != "kubeconfig"} == {
        "clusterIdentifier": "eu-west-1/mesh-dev",
        "enableServerSideApply": "true",
    }
    assert isinstance(provider.inputs["kubeconfig"], Secret)


def test_the_outputs_of_a_cluster_of_our_own() -> None:
    returned = record(preview=False, profile="dev").returned
    assert isinstance(returned["kubeconfig"], Secret)
    users = json.loads(returned["kubeconfig"].value)["users"]
    assert users[0]["user"]["exec"]["args"][-2:] == ["--profile", "dev"]
    assert {**returned, "kubeconfig": None} == {
        "name": "mesh-dev",
        "kubeconfig": None,
        "ready": [addon("coredns")],
        "has_resource": True,
    }


def test_whoever_comes_after_the_cluster_comes_after_its_nodes_all_their_addons_and_the_way_out(preview: bool) -> None:
    recording = record(preview=preview)
    (ready,) = recording.returned["ready"]
    networking = {addon("vpc-cni"), addon("kube-proxy"), addon("eks-pod-identity-agent")}
    assert recording.needs(ready) >= {*GROUPS, ROUTE, EKS, *networking}


def test_the_name_is_known_in_a_preview_but_waits_for_the_cluster() -> None:
    recording = record(preview=True)
    assert recording.returned["name"] == "mesh-dev"
    assert recording[addon("kube-proxy")].property_dependencies["clusterName"] == (EKS,)
