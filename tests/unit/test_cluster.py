"""The cluster: made with everything pulumi-eks would otherwise decide for us, or taken as it is."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws

from components.cluster import Cluster, ClusterArgs
from configuration.cluster import AccessEntry, ExistingCluster, NodeGroup
from configuration.cluster import Cluster as ClusterSettings
from manifests.access_entries import PolicyScope, PrincipalAccess, access_by_principal
from manifests.kubeconfig import kubeconfig, with_profile
from tests.unit.mock_engine import UNKNOWN, Recording, Secret, run

COMPONENT = "mesh:cluster:Cluster::cluster"
EKS = "eks:index:Cluster::cluster"
NODES = "aws:eks/nodeGroup:NodeGroup::nodes"
ROUTE = "aws:ec2/internetGateway:InternetGateway::nat-route"
ROLE = "arn:aws:iam::111122223333:role/"


def addon(name: str) -> str:
    return f"aws:eks/addon:Addon::{name}"


def record(*, preview: bool, profile: str | None = None, **changes: Any) -> Recording:
    settings = ClusterSettings(**{"name": "mesh-dev", **changes})

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
                private_subnet_ids=["subnet-a", "subnet-b"],
                public_subnet_ids=["subnet-c", "subnet-d"],
                after=[route],
            ),
            pulumi.ResourceOptions(providers={"aws": provider}),
        )
        return {
            "name": cluster.name,
            "kubeconfig": cluster.kubeconfig,
            "kubeconfig_is_secret": pulumi.Output.from_input(cluster.kubeconfig.is_secret()),
            "node_security_group_id": cluster.node_security_group_id,
            "ready": len(cluster.ready),
            "has_resource": cluster.resource is not None,
        }

    return run(program, preview=preview)


def known(value: str, preview: bool) -> str:
    return UNKNOWN if preview else value


def test_a_cluster_of_our_own_consists_of_exactly_these_resources(preview: bool) -> None:
    assert sorted(record(preview=preview).keys) == sorted(
        [
            "pulumi:providers:aws::aws",
            ROUTE,
            COMPONENT,
            "aws:kms/key:Key::secrets",
            "aws:cloudwatch/logGroup:LogGroup::control-plane",
            EKS,
            *map(addon, ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent")),
            "mesh:pod_identity:PodIdentity::vpc-cni",
            "aws:iam/role:Role::vpc-cni",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::vpc-cni",
            "aws:iam/role:Role::nodes",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-worker",
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-images",
            "aws:ec2/launchTemplate:LaunchTemplate::nodes",
            NODES,
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
        "skipDefaultNodeGroup": True,
        "skipDefaultSecurityGroups": True,
        "createInstanceRole": False,
        "bootstrapSelfManagedAddons": False,
        "useDefaultVpcCni": True,
        "kubeProxyAddonOptions": {"enabled": False},
        "corednsAddonOptions": {"enabled": False},
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
        "111122223333-role-team-developers": {
            "principalArn": f"{ROLE}team/developers",
            "accessPolicies": {
                "Edit": {
                    "policyArn": f"{policies}/AmazonEKSEditPolicy",
                    "accessScope": {"type": "namespace", "namespaces": ["secure-apps"]},
                }
            },
        },
    }


def test_one_principal_named_twice_gets_one_entry_and_the_wider_scope() -> None:
    def entry(policy: Any, *namespaces: str) -> AccessEntry:
        return AccessEntry(principal_arn=f"{ROLE}a", policy=policy, namespaces=namespaces)

    def scope(policy: str, *namespaces: str) -> PolicyScope:
        return PolicyScope(policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{policy}", namespaces=namespaces)

    entries = (entry("Edit", "b"), entry("Edit", "a", "b"), entry("View", "c"), entry("View"), entry("View", "d"))
    assert access_by_principal(entries) == {
        "111122223333-role-a": PrincipalAccess(
            principal_arn=f"{ROLE}a",
            policies={"Edit": scope("AmazonEKSEditPolicy", "a", "b"), "View": scope("AmazonEKSViewPolicy")},
        )
    }


def test_nodes_are_hardened_and_sized_as_the_settings_say(preview: bool) -> None:
    nodes = NodeGroup(
        instance_types=("m7g.large",),
        architecture="arm64",
        capacity="SPOT",
        min_size=2,
        desired_size=4,
        max_size=5,
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
            {"resourceType": "instance", "tags": {"Name": "mesh-dev-node"}},
            {"resourceType": "volume", "tags": {"Name": "mesh-dev-node"}},
        ],
    }
    assert recording[NODES].inputs == {
        "clusterName": "mesh-dev",
        "nodeRoleArn": known("arn:aws:iam::111122223333:role/nodes", preview),
        "subnetIds": ["subnet-a", "subnet-b"],
        "version": "1.35",
        "amiType": "AL2023_ARM_64_STANDARD",
        "capacityType": "SPOT",
        "instanceTypes": ["m7g.large"],
        "scalingConfig": {"minSize": 2, "desiredSize": 4, "maxSize": 5},
        "updateConfig": {"maxUnavailablePercentage": 33},
        "launchTemplate": {"id": known("nodes-id", preview), "version": known("7", preview)},
    }


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
        "configurationValues": '{"enableNetworkPolicy": "true"}',
        "podIdentityAssociations": [
            {"roleArn": known("arn:aws:iam::111122223333:role/vpc-cni", preview), "serviceAccount": "aws-node"}
        ],
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }


def test_nodes_come_after_the_cni_and_the_way_out_and_coredns_after_the_nodes(preview: bool) -> None:
    recording = record(preview=preview)
    assert set(recording[NODES].depends_on) == {
        EKS,
        ROUTE,
        "aws:iam/role:Role::nodes",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-worker",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment::nodes-images",
        "aws:ec2/launchTemplate:LaunchTemplate::nodes",
        addon("vpc-cni"),
        addon("kube-proxy"),
        addon("eks-pod-identity-agent"),
    }
    assert NODES in recording[addon("coredns")].depends_on
    assert addon("eks-pod-identity-agent") in recording[addon("vpc-cni")].depends_on
    assert EKS in recording[addon("kube-proxy")].depends_on


def test_there_is_one_explicit_kubernetes_provider_with_a_stable_identity(preview: bool) -> None:
    provider = record(preview=preview)["pulumi:providers:kubernetes::kubernetes"]
    assert provider.parent == COMPONENT
    assert {key: value for key, value in provider.inputs.items() if key != "kubeconfig"} == {
        "clusterIdentifier": "eu-west-1/mesh-dev",
        "enableServerSideApply": "true",
    }
    assert isinstance(provider.inputs["kubeconfig"], Secret) or preview


def test_the_outputs_of_a_cluster_of_our_own() -> None:
    returned = record(preview=False, profile="dev").returned
    users = json.loads(returned.pop("kubeconfig"))["users"]
    assert users[0]["user"]["exec"]["args"][-2:] == ["--profile", "dev"]
    assert returned == {
        "name": "mesh-dev",
        "kubeconfig_is_secret": True,
        "node_security_group_id": "sg-0123456789abcdef0",
        "ready": 5,
        "has_resource": True,
    }


def test_the_name_is_known_in_a_preview_but_waits_for_the_cluster() -> None:
    recording = record(preview=True)
    assert recording.returned["name"] == "mesh-dev"
    assert recording[addon("kube-proxy")].property_depends_on["clusterName"] == (EKS,)


def test_of_an_existing_cluster_nothing_is_made_but_a_provider(preview: bool) -> None:
    existing = ExistingCluster(node_security_group_id="sg-00000001")
    recording = record(preview=preview, existing=existing)
    assert recording.keys[2:] == (COMPONENT, "pulumi:providers:kubernetes::kubernetes")
    assert [(call.token, call.arguments, call.provider) for call in recording.calls] == [
        ("aws:eks/getCluster:getCluster", {"name": "mesh-dev"}, "aws")
    ]
    assert json.loads(recording.returned["kubeconfig"]) == kubeconfig(
        cluster_name="mesh-dev",
        region="eu-west-1",
        profile=None,
        endpoint="https://0123.eks.example",
        certificate_authority="Q0E=",
    )
    assert {**recording.returned, "kubeconfig": None} == {
        "name": "mesh-dev",
        "kubeconfig": None,
        "kubeconfig_is_secret": True,
        "node_security_group_id": "sg-00000001",
        "ready": 0,
        "has_resource": False,
    }


def test_a_kubeconfig_takes_its_token_from_the_aws_cli_and_names_the_profile() -> None:
    document = kubeconfig(
        cluster_name="c", region="eu-west-1", profile="p", endpoint="https://e", certificate_authority="Q0E="
    )
    assert document["clusters"] == [
        {"name": "c", "cluster": {"server": "https://e", "certificate-authority-data": "Q0E="}}
    ]
    assert document["users"] == [
        {
            "name": "c",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "command": "aws",
                    "args": [
                        "--region",
                        "eu-west-1",
                        "eks",
                        "get-token",
                        "--cluster-name",
                        "c",
                        "--output",
                        "json",
                        "--profile",
                        "p",
                    ],
                    "interactiveMode": "Never",
                }
            },
        }
    ]


def test_a_profile_is_added_once_and_only_to_calls_of_the_aws_cli() -> None:
    def config(command: str, *args: str) -> str:
        return json.dumps({"users": [{"user": {"exec": {"command": command, "args": list(args)}}}]})

    assert with_profile(config("aws", "eks"), None) == config("aws", "eks")
    assert with_profile(config("aws", "eks"), "p") == config("aws", "eks", "--profile", "p")
    assert with_profile(config("aws", "--profile", "q"), "p") == config("aws", "--profile", "q")
    assert with_profile(config("other", "eks"), "p") == config("other", "eks")
    by_certificate = json.dumps({"users": [{"name": "lab", "user": {"client-key-data": "x"}}]})
    assert with_profile(by_certificate, "p") == by_certificate
