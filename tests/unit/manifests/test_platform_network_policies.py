"""Who reaches the platform's own pods."""

from __future__ import annotations

from typing import Any

import pytest

from configuration.parsing import parse
from configuration.settings import PROJECT
from manifests.document import Document
from manifests.platform_network_policies import platform_network_policies
from tests.unit.configuration.bad_authentication import authentication
from tests.unit.configuration.bad_settings import UI, put, stack
from tests.unit.manifests.golden_files import assert_golden

PRIVATE = ["10.20.0.0/19", "10.20.32.0/19"]
PUBLIC = ["10.20.192.0/22", "10.20.196.0/22"]


def policies(*changes: tuple[str, object]) -> dict[tuple[str, str], Document]:
    tree = stack()
    for path, value in changes:
        put(path, value)(tree)
    config: dict[str, Any] = {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": value for key, value in tree.items()}}
    documents = platform_network_policies(parse("test", config))
    return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in documents}


def blocks(peers: list[dict[str, Any]]) -> list[str]:
    return [peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer]


def gateway(*changes: tuple[str, object]) -> Document:
    return policies(*changes)["istio-ingress", "gateway"]


def test_the_policies_as_a_reviewer_reads_them() -> None:
    assert_golden("platform-network-policies", policies().values())


def test_every_namespace_of_the_platform_is_closed_first() -> None:
    closed = {namespace for namespace, name in policies() if name == "default-deny"}
    assert closed == {"istio-system", "istio-ingress", "cert-manager", "observability"}
    for namespace in closed:
        spec = policies()[namespace, "default-deny"]["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_metrics_come_from_the_kubelets_to_the_api_server_only() -> None:
    spec = policies()["kube-system", "metrics-server"]["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "metrics-server"}}, "kube-system is EKS's"
    (api,) = spec["ingress"]
    assert (blocks(api["from"]), [port["port"] for port in api["ports"]]) == (["10.20.0.0/16"], [10251])
    assert [port["port"] for rule in spec["egress"][1:] for port in rule["ports"]] == [443, 10250]


@pytest.mark.parametrize(
    ("there", "whose"),
    [("metricsServer", {("kube-system", "metrics-server")}), ("certManager", {("cert-manager", "default-deny")})],
)
def test_what_an_existing_cluster_brings_is_not_walled_in(there: str, whose: set[tuple[str, str]]) -> None:
    private, public = ([f"subnet-0000000{number}" for number in pair] for pair in ((1, 2), (3, 4)))
    network = (
        "network",
        {"existing": {"vpcId": "vpc-00000001", "privateSubnetIds": private, "publicSubnetIds": public}},
    )
    without = set(policies(network, ("cluster.existing", {})))
    assert whose <= without
    gone = without - set(policies(network, ("cluster.existing", {there: True})))
    assert whose <= gone
    assert {namespace for namespace, _ in gone} == {namespace for namespace, _ in whose}


def test_without_tracing_there_is_no_namespace_for_the_collector() -> None:
    assert "observability" not in {namespace for namespace, _ in policies(("observability.tracing", False))}


def test_behind_an_alb_that_faces_the_internet_only_the_public_subnets_reach_the_gateway() -> None:
    https, status = gateway(("loadBalancer.scheme", "internet-facing"))["spec"]["ingress"]
    assert blocks(https["from"]) == blocks(status["from"]) == PUBLIC
    assert [port["port"] for port in https["ports"]] == [443]
    assert [port["port"] for port in status["ports"]] == [15021]


def test_an_internal_alb_stands_among_the_pods_and_so_the_private_subnets_do() -> None:
    https, _ = gateway(("loadBalancer.scheme", "internal"))["spec"]["ingress"]
    assert blocks(https["from"]) == PRIVATE


def test_the_clients_of_an_nlb_reach_the_gateway_and_pods_do_not_pass_for_them() -> None:
    https, passthrough, status = gateway(
        ("loadBalancer.entries", ["alb", "nlb"]),
        ("loadBalancer.scheme", "internet-facing"),
        ("loadBalancer.allowedCidrs", ["0.0.0.0/0"]),
    )["spec"]["ingress"]
    assert {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE}} in passthrough["from"]
    assert [port["port"] for port in passthrough["ports"]] == [8443]
    # They reach no host of the ALB: only it does.
    assert blocks(https["from"]) == blocks(status["from"]) == PUBLIC
    assert [port["port"] for port in https["ports"]] == [443]


def test_the_gateway_calls_the_published_applications_and_no_other() -> None:
    targets = [
        peer["podSelector"]["matchLabels"]
        for rule in gateway()["spec"]["egress"]
        for peer in rule["to"]
        if peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name") == "shop"
    ]
    assert targets == [{"app": "ui"}]


def test_istiods_configuration_is_for_the_mesh_and_its_webhook_for_the_api_server() -> None:
    configuration, webhook = policies()["istio-system", "istiod"]["spec"]["ingress"]
    assert configuration["ports"] == [{"port": 15012, "protocol": "TCP"}]
    assert configuration["from"] == [
        {"namespaceSelector": {"matchExpressions": [{"key": "istio.io/rev", "operator": "Exists"}]}}
    ]
    assert webhook == {"from": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"port": 15017, "protocol": "TCP"}]}


def test_pods_that_still_have_a_sidecar_outside_the_mesh_reach_istiod_without_their_namespaces_label() -> None:
    configuration, _ = policies(("namespaces.1.phase", "outside"))["istio-system", "istiod"]["spec"]["ingress"]
    names = [peer["namespaceSelector"].get("matchLabels") for peer in configuration["from"]]
    assert names == [None, {"kubernetes.io/metadata.name": "legacy"}]


def test_nothing_else_of_istiod_is_reached() -> None:
    ingress = policies()["istio-system", "istiod"]["spec"]["ingress"]
    assert sorted(port["port"] for rule in ingress for port in rule["ports"]) == [15012, 15017]


def test_in_a_vpc_of_somebody_else_the_api_server_is_any_private_address() -> None:
    existing = {
        "vpcId": "vpc-0123456789abcdef0",
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-1123456789abcdef0"],
    }
    found = policies(("network", {"existing": existing}))
    assert blocks(found["istio-system", "istiod"]["spec"]["ingress"][1]["from"]) == [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]


def test_istiod_leaves_the_vpc_only_for_the_keys_of_those_who_sign_users_tokens() -> None:
    def egress(*changes: tuple[str, object]) -> list[dict[str, Any]]:
        _, _, *beyond = policies(*changes)["istio-system", "istiod"]["spec"]["egress"]
        return beyond

    asks = (f"{UI}.authentication", authentication(jwksUri="https://login.example.com:8443/keys"))
    private = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]
    public = {"ipBlock": {"cidr": "0.0.0.0/0", "except": private}}
    assert egress() == [], "nobody asks for a token"
    assert egress(asks) == [{"to": [public], "ports": [{"port": 8443, "protocol": "TCP"}]}]
    (rule,) = egress(asks, ("mesh.issuerNetworks", ["10.1.0.0/16"]))
    assert rule["to"] == [public, {"ipBlock": {"cidr": "10.1.0.0/16"}}]
