"""The documents of the cluster's DNS."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster import dns
from lab.state import NetworkRecord
from manifests.allowed_names import allowed_names
from tests.unit.configuration.bad_settings import put, stack
from tests.unit.configuration.test_settings import read

ALLOWED = ("api.stripe.com", "*.quay.io")

RECORD = NetworkRecord(
    bridge="ztm0", address="10.201.0.1", network="10.201.0.0/24", pods="10.201.64.0/18", services="10.201.128.0/17"
)


def _one(kind: str) -> dict[str, Any]:
    (found,) = (document for document in dns.documents(RECORD, ALLOWED) if document["kind"] == kind)
    return found


def test_the_service_has_the_address_that_every_pods_resolver_names_and_both_protocols() -> None:
    service = _one("Service")

    assert (service["metadata"]["namespace"], service["metadata"]["name"]) == ("kube-system", "kube-dns")
    assert service["spec"]["clusterIP"] == RECORD.dns == "10.201.128.10"
    assert {(port["protocol"], port["port"]) for port in service["spec"]["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_the_service_selects_the_pods_of_the_deployment() -> None:
    labels = _one("Deployment")["spec"]["template"]["metadata"]["labels"]

    assert _one("Service")["spec"]["selector"].items() <= labels.items()
    assert _one("Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_it_may_read_services_and_endpoints_and_write_nothing() -> None:
    verbs = {verb for rule in _one("ClusterRole")["rules"] for verb in rule["verbs"]}
    (subject,) = _one("ClusterRoleBinding")["subjects"]

    assert verbs == {"list", "watch"}
    assert (subject["name"], subject["namespace"]) == (_one("ServiceAccount")["metadata"]["name"], "kube-system")


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["every name", "a list"])
def test_names_that_are_not_the_clusters_are_in_the_internet(allowed: tuple[str, ...] | None) -> None:
    corefile = dns.corefile(allowed)

    assert f'answer "{{{{ .Name }}}} 5 IN A {dns.PUBLIC_ADDRESS}"' in corefile
    assert "forward" not in corefile, "a question would leave the lab"


def test_the_names_are_those_of_the_stacks_own_firewall() -> None:
    tree = stack()
    assert dns.firewall(read(tree)) is None, "without the setting every name is looked up"
    put("network.dnsFirewall", {})(tree)
    settings = read(tree)
    assert dns.firewall(settings) == tuple(found.name for found in allowed_names(settings))


def test_another_list_makes_another_pod() -> None:
    def template(allowed: tuple[str, ...] | None) -> dict[str, Any]:
        (found,) = (item for item in dns.documents(RECORD, allowed) if item["kind"] == "Deployment")
        return found["spec"]["template"]

    assert template(None) != template(ALLOWED), "CoreDNS reads its configuration once"
    assert template(ALLOWED) == template(ALLOWED)


def test_the_corefile_is_the_one_that_the_container_reads() -> None:
    spec = _one("Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (mounted,) = container["volumeMounts"]

    assert container["args"] == ["-conf", f"{mounted['mountPath']}/Corefile"]
    assert spec["volumes"] == [{"name": mounted["name"], "configMap": {"name": _one("ConfigMap")["metadata"]["name"]}}]
    assert list(_one("ConfigMap")["data"]) == ["Corefile"]


def test_it_needs_no_capability_but_the_one_for_its_port() -> None:
    (container,) = _one("Deployment")["spec"]["template"]["spec"]["containers"]

    assert container["securityContext"]["capabilities"] == {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
