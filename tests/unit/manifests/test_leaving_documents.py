"""What leaves the mesh, in documents: private networks and hosts, the VPC's endpoints, the Pod Identity agent."""

from __future__ import annotations

import dataclasses
import re
from ipaddress import IPv4Network
from typing import Any

import pytest

from configuration.admission import Admission
from configuration.applications import Application, Namespace
from configuration.leaving.aws_identity import AwsStatement
from configuration.leaving.egress import Egress
from configuration.mesh import Mesh
from configuration.network import ExistingNetwork, Network, SubnetPair
from manifests.admission.documents import admission_documents
from manifests.images import Images
from manifests.interface_endpoints import NO_ENDPOINTS, InterfaceEndpoints, interface_endpoints
from manifests.mesh_graph import Member
from manifests.network_policies import application_network_policy, namespace_network_policies
from manifests.pod_identities import application_identity
from manifests.sidecars import application_sidecar, service_entries
from manifests.workload import deployment
from tests.unit.mesh_stack import graph, member
from validation.cel_rules import holds

DATABASE = Egress(cidr=IPv4Network("10.50.0.0/24"), port=5432, protocol="TCP")
ORDERS = Egress(host="orders.internal.example.com", networks=(IPv4Network("10.61.0.0/24"), IPv4Network("10.62.0.0/24")))
READS = (AwsStatement(actions=("s3:GetObject",), resources=("arn:aws:s3:::invoices/*",)),)
AGENT = {"traffic.sidecar.istio.io/excludeOutboundIPRanges": "169.254.170.23/32"}
VPC = Network(
    cidr=IPv4Network("10.40.0.0/16"), zones=("eu-west-1a", "eu-west-1b"), interface_endpoints=("sts", "ecr.dkr")
)


def shop(**billing: Any) -> Namespace:
    return Namespace(
        name="shop",
        phase="strict",
        applications=(
            Application(name="billing", image="example.com/billing:1", **billing),
            Application(name="other", image="example.com/other:1", egress=(Egress(host="api.example.com"),)),
        ),
    )


def wall(namespace: Namespace, name: str, endpoints: InterfaceEndpoints = NO_ENDPOINTS) -> list[dict[str, Any]]:
    """What leaves at layer 4."""
    calls = dataclasses.replace(graph(namespace), endpoints=endpoints)
    policy = application_network_policy(member(namespace, name), calls)
    return policy["spec"].get("egress", []) if policy else []


def tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def blocks(*networks: str) -> list[dict[str, Any]]:
    return [{"ipBlock": {"cidr": network}} for network in networks]


def test_a_network_is_told_by_its_addresses_and_the_connection_goes_where_it_went() -> None:
    namespace = shop(egress=(DATABASE, dataclasses.replace(DATABASE, port=5433)))
    (entry,) = service_entries(namespace)["10-50-0-0-24.cidr.invalid"]
    assert entry["spec"] == {
        "hosts": ["10-50-0-0-24.cidr.invalid"],
        "addresses": ["10.50.0.0/24"],
        "ports": [
            {"number": 5432, "name": "tcp-5432", "protocol": "TCP"},
            {"number": 5433, "name": "tcp-5433", "protocol": "TCP"},
        ],
        "location": "MESH_EXTERNAL",
        "resolution": "NONE",
        "exportTo": ["."],
    }


def test_another_application_of_the_namespace_would_reach_the_database() -> None:
    namespace = shop(egress=(DATABASE,))
    listed = {
        name: application_sidecar(member(namespace, name), graph=graph(namespace), tracing=False)["spec"]["egress"]
        for name in ("billing", "other")
    }
    assert "./10-50-0-0-24.cidr.invalid" in listed["billing"][0]["hosts"]
    assert "./10-50-0-0-24.cidr.invalid" not in listed["other"][0]["hosts"]
    assert wall(namespace, "billing") == [{"to": blocks("10.50.0.0/24"), "ports": tcp(5432)}]
    assert "10.50.0.0/24" not in str(wall(namespace, "other"))
    assert "10.50.0.0/24" not in str(namespace_network_policies(namespace, tracing=False))


def test_a_private_host_is_still_told_by_its_name_and_open_in_its_own_networks_only() -> None:
    namespace = shop(egress=(ORDERS,))
    (entry,) = service_entries(namespace)["orders.internal.example.com"]
    assert (entry["spec"]["resolution"], "addresses" in entry["spec"]) == ("DNS", False)
    assert entry["spec"]["ports"] == [{"number": 443, "name": "tls-443", "protocol": "TLS"}]
    assert wall(namespace, "billing") == [{"to": blocks("10.61.0.0/24", "10.62.0.0/24"), "ports": tcp(443)}]


def test_the_internet_would_be_open_on_the_databases_port() -> None:
    namespace = shop(egress=(DATABASE, Egress(host="api.example.com")))
    public, private = wall(namespace, "billing")
    assert public["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    assert "10.0.0.0/8" in public["to"][0]["ipBlock"]["except"]
    assert (public["ports"], private["ports"]) == (tcp(443), tcp(5432))


def test_sts_behind_an_interface_endpoint_would_be_blocked() -> None:
    endpoints = interface_endpoints(VPC, region="eu-west-1")
    namespace = shop(egress=(Egress(host="sts.eu-west-1.amazonaws.com"),))
    # Where the endpoints stand, and nothing of the internet: nobody answers there under this name.
    assert wall(namespace, "billing", endpoints) == [{"to": blocks("10.40.0.0/19", "10.40.32.0/19"), "ports": tcp(443)}]
    assert wall(namespace, "billing")[0]["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"


@pytest.mark.parametrize(
    ("host", "port", "answers"),
    [
        ("sts.eu-west-1.amazonaws.com", 443, True),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", 443, True),
        ("sts.eu-west-1.amazonaws.com", 8443, False),
        ("sts.amazonaws.com", 443, False),
        ("sts.us-east-1.amazonaws.com", 443, False),
        ("logs.eu-west-1.amazonaws.com", 443, False),
        ("evilsts.eu-west-1.amazonaws.com", 443, False),
        (None, 443, False),
    ],
)
def test_an_endpoint_answers_for_its_own_names_on_its_own_port(host: str | None, port: int, answers: bool) -> None:
    assert interface_endpoints(VPC, region="eu-west-1").answer_for(host, port) is answers


def test_the_endpoints_stand_in_the_private_subnets_of_our_own_vpc() -> None:
    pairs = (
        SubnetPair(zone="eu-west-1a", private=IPv4Network("10.40.0.0/24"), public=IPv4Network("10.40.8.0/26")),
        SubnetPair(zone="eu-west-1b", private=IPv4Network("10.40.1.0/24"), public=IPv4Network("10.40.9.0/26")),
    )
    planned = dataclasses.replace(VPC, zones=(), subnets=pairs)
    assert interface_endpoints(planned, region="eu-west-1").subnets == tuple(pair.private for pair in pairs)
    existing = ExistingNetwork(vpc_id="vpc-0123456789abcdef0", private_subnet_ids=("subnet-0123456789abcdef0",))
    for network in (
        dataclasses.replace(VPC, interface_endpoints=()),
        Network(existing=existing, interface_endpoints=("sts",)),
    ):
        assert interface_endpoints(network, region="eu-west-1") == NO_ENDPOINTS


def template(namespace: Namespace, name: str) -> dict[str, str]:
    found = deployment(member(namespace, name), images=Images(), revision="1-31-1")
    return found["spec"]["template"]["metadata"].get("annotations", {})


def test_a_pod_without_an_identity_in_aws_would_reach_the_agent() -> None:
    namespace = shop(aws_policy=READS)
    assert AGENT.items() <= template(namespace, "billing").items()
    assert AGENT.keys().isdisjoint(template(namespace, "other"))
    assert wall(namespace, "billing") == [{"to": blocks("169.254.170.23/32"), "ports": tcp(80)}]
    assert "169.254.170.23" not in str(wall(namespace, "other"))


def test_instance_metadata_would_be_reached_with_the_agent() -> None:
    # 169.254.169.254 has the credentials of the node; only one address of that range is let out.
    opened = [
        IPv4Network(peer["ipBlock"]["cidr"])
        for rule in wall(shop(aws_policy=READS, egress=(DATABASE, ORDERS)), "billing")
        for peer in rule["to"]
        if "except" not in peer["ipBlock"]
    ]
    metadata = IPv4Network("169.254.169.254/32")
    assert IPv4Network("169.254.170.23/32") in opened
    assert not any(network.overlaps(metadata) for network in opened)


def test_outside_the_mesh_there_is_no_sidecar_to_go_past() -> None:
    namespace = dataclasses.replace(shop(aws_policy=READS), phase="outside")
    assert AGENT.keys().isdisjoint(template(namespace, "billing"))


def test_each_application_has_a_role_of_its_own_whose_name_iam_takes() -> None:
    identity = application_identity(member(shop(aws_policy=READS), "billing"), region="eu-west-1")
    assert identity is not None
    assert (identity.name, identity.namespace, identity.service_account) == ("shop.billing", "shop", "billing-sa")
    assert identity.policy == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::invoices/*"]}],
    }
    assert application_identity(member(shop(), "billing"), region="eu-west-1") is None


def test_two_long_names_would_share_a_role() -> None:
    def role(name: str) -> str:
        application = Application(name=name, image="example.com/a:1", aws_policy=READS)
        namespace = Namespace(name="n" * 60, phase="strict", applications=(application,))
        found = application_identity(Member(namespace=namespace, application=application), region="eu-west-1")
        assert found is not None
        return found.name

    names = {role("a" * 59 + last) for last in "bc"}
    assert len(names) == 2
    # Pulumi adds a dash and seven digits: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    assert max(map(len, names)) + 8 <= 64


def rules(name: str, *namespaces: Namespace) -> list[dict[str, str]]:
    documents = admission_documents(Admission(), mesh=Mesh(), namespaces=namespaces, platform=(), images=Images())
    (found,) = (
        item for item in documents if item["kind"] == "ValidatingAdmissionPolicy" and item["metadata"]["name"] == name
    )
    return found["spec"]["validations"]


@pytest.mark.parametrize("name", ["mesh-pods", "mesh-workloads", "mesh-cron-jobs"])
def test_a_tenants_pod_would_go_past_its_sidecar_with_the_annotation(name: str) -> None:
    opened = [rule["expression"] for rule in rules(name, shop(aws_policy=READS)) if "excludeOutbound" in str(rule)]
    assert len(opened) == 1
    assert 'variables.serviceAccount in (request.namespace == "shop" ? ["billing-sa"] : [])' in opened[0]
    assert not [rule for rule in rules(name, shop()) if "excludeOutbound" in str(rule)]


KEY = "traffic.sidecar.istio.io/excludeOutboundIPRanges"


@pytest.mark.parametrize(
    ("annotations", "account", "admitted"),
    [
        ({KEY: "169.254.170.23/32"}, "billing-sa", True),
        ({KEY: "169.254.170.23/32"}, "other-sa", False),
        ({KEY: "169.254.169.254/32"}, "billing-sa", False),
        ({KEY: "169.254.170.23/32,0.0.0.0/0"}, "billing-sa", False),
        ({KEY: "169a254b170c23/32"}, "billing-sa", False),
        ({"traffic.sidecar.istio.io/excludeOutboundPorts": "80"}, "billing-sa", False),
        ({"sidecar.istio.io/proxyCPU": "10m", "note": "mine"}, "other-sa", True),
    ],
)
def test_the_annotation_is_that_value_of_that_service_account(
    annotations: dict[str, str], account: str, admitted: bool
) -> None:
    (rule,) = (r for r in rules("mesh-workloads", shop(aws_policy=READS)) if "excludeOutbound" in str(r))
    # Of the whole rule the part about Istio's keys; the rest asks the API server who it is.
    expression = rule["expression"].partition("(")[2].partition(" && variables.annotations.all(key, !key.startsWith")[0]
    asked = {"variables": {"annotations": annotations, "serviceAccount": account}, "request": {"namespace": "shop"}}
    assert holds(re.sub(r"\b(variables|request)\.", r"self.\1.", expression), asked) is admitted


def test_a_pod_that_begins_before_its_association_would_keep_no_credentials() -> None:
    asked = [rule for rule in rules("mesh-pods", shop(aws_policy=READS)) if "AWS_CONTAINER_CREDENTIALS" in str(rule)]
    assert len(asked) == 1
    assert "identity in AWS yet" in asked[0]["message"]
    # Deployments say nothing of it: EKS adds it to pods. And nobody else's pods are asked.
    for name, namespace in (("mesh-workloads", shop(aws_policy=READS)), ("mesh-pods", shop())):
        assert not [rule for rule in rules(name, namespace) if "AWS_CONTAINER_CREDENTIALS" in str(rule)]
