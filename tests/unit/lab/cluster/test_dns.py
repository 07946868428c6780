"""The documents of the cluster's DNS."""

from __future__ import annotations

from typing import Any

from lab.cluster import dns
from lab.state import NetworkRecord

RECORD = NetworkRecord(
    bridge="ztm0", address="10.201.0.1", network="10.201.0.0/24", pods="10.201.64.0/18", services="10.201.128.0/17"
)


def _one(kind: str) -> dict[str, Any]:
    (found,) = (document for document in dns.documents(RECORD) if document["kind"] == kind)
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


def test_names_that_are_not_the_clusters_are_in_the_internet() -> None:
    corefile = dns.corefile(RECORD)

    assert f'answer "{{{{ .Name }}}} 5 IN A {dns.PUBLIC_ADDRESS}"' in corefile
    assert "forward" not in corefile, "a question would leave the lab"


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
