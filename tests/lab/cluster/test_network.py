"""What is reachable from where: pods, Services, this machine, the internet."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.cluster import internet, network
from lab.cluster.control_plane import NODE, ControlPlane
from lab.node.nodes import NODES
from lab.waiting import until
from tests.lab.conftest import REVISION, kubectl

pytestmark = pytest.mark.timeout(900)

NAMESPACE = "network"
ISTIOD = f"istiod-{REVISION}"
MONITORING_PORT = 15014
PUBLIC_ADDRESS = "192.0.2.80"
COULD_NOT_CONNECT = 7
"""curl's exit code, unless the time is up first."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What curl said. code: its exit code; seconds: until the answer."""

    code: int
    body: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A running pod with curl in it."""

    lab: ControlPlane
    name: str
    address: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.lab.toolchain.bin("kubectl"), "exec", f"--namespace={NAMESPACE}", self.name, "--", *command],
            env={**os.environ, **self.lab.environment},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def curl(self, *arguments: str) -> Answer:
        began = time.monotonic()
        finished = self.run("curl", "--silent", "--show-error", "--max-time", "5", "--noproxy", "*", *arguments)
        return Answer(code=finished.returncode, body=finished.stdout, seconds=time.monotonic() - began)


def _manifest(name: str, **spec: object) -> str:
    container = {"name": "client", "image": "curlimages/curl:8.0.0", "command": ["sleep", "600"]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
        }
    )


def _start(lab: ControlPlane, name: str, **spec: object) -> Pod:
    kubectl(lab, "apply", "--filename=-", stdin=_manifest(name, **spec))
    kubectl(lab, "wait", f"--namespace={NAMESPACE}", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    address = kubectl(lab, "get", "pod", name, f"--namespace={NAMESPACE}", "--output=jsonpath={.status.podIP}")
    return Pod(lab=lab, name=name, address=address)


@pytest.fixture(scope="module")
def namespace(mesh: ControlPlane) -> Iterator[ControlPlane]:
    """A namespace that pods can be made in."""
    kubectl(mesh, "create", "namespace", NAMESPACE)
    accounts = ("get", "serviceaccounts", f"--namespace={NAMESPACE}", "--output=name")
    until(lambda: "default" in kubectl(mesh, *accounts), seconds=20, what="the namespace's service account")
    yield mesh
    kubectl(mesh, "delete", "namespace", NAMESPACE)


@pytest.fixture(scope="module")
def client(namespace: ControlPlane) -> Pod:
    """A pod without a sidecar."""
    return _start(namespace, "client")


def _service(lab: ControlPlane) -> str:
    return kubectl(lab, "get", "service", ISTIOD, "--namespace=istio-system", "--output=jsonpath={.spec.clusterIP}")


def _get(address: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _on_node(lab: ControlPlane, *command: str) -> str:
    node = next(record for record in lab.state.records() if record.name == NODE)
    return subprocess.run(
        [*network.entering(node.pid), *command], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_a_pod_reaches_a_service_address(client: Pod) -> None:
    answer = client.curl("--fail", f"http://{_service(client.lab)}:{MONITORING_PORT}/version")

    assert answer.code == 0, answer.body


def test_this_machine_reaches_a_service_address_and_a_pods(client: Pod) -> None:
    pod = kubectl(client.lab, "get", "pods", "--namespace=istio-system", "--output=jsonpath={.items[0].status.podIP}")

    assert _get(_service(client.lab), MONITORING_PORT, "/version") == http.HTTPStatus.OK
    assert _get(pod, MONITORING_PORT, "/version") == http.HTTPStatus.OK


def test_a_pod_finds_the_api_server_where_its_environment_says(client: Pod) -> None:
    script = 'curl --silent --insecure --noproxy "*" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version'
    answer = client.run("sh", "-c", f"echo $KUBERNETES_SERVICE_HOST; {script}")

    assert answer.stdout.splitlines()[0] == client.lab.network.kubernetes_service
    assert '"code": 401' in answer.stdout, "the API server answered, and does not know who asks"


def test_a_pod_asks_the_clusters_dns_with_the_clusters_search_list(client: Pod) -> None:
    assert client.run("cat", "/etc/resolv.conf").stdout == (
        f"search {NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local\n"
        f"nameserver {client.lab.network.dns}\n"
        "options ndots:5\n"
    )


def test_a_pods_own_dns_settings_are_heeded(namespace: ControlPlane) -> None:
    own = {"nameservers": ["192.0.2.53"], "searches": ["example.com"], "options": [{"name": "ndots", "value": "1"}]}
    alone = _start(namespace, "own-dns", dnsPolicy="None", dnsConfig=own)
    added = _start(namespace, "more-dns", dnsConfig={"options": [{"name": "ndots", "value": "1"}]})

    assert alone.run("cat", "/etc/resolv.conf").stdout == (
        "search example.com\nnameserver 192.0.2.53\noptions ndots:1\n"
    )
    assert added.run("cat", "/etc/resolv.conf").stdout.endswith("\noptions ndots:1\n")


def test_a_new_pods_address_is_reachable_at_once_and_gone_with_it(namespace: ControlPlane) -> None:
    pod = _start(namespace, "short-lived")
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):  # refused by the pod itself: nothing listens there
        socket.create_connection((pod.address, 8080), timeout=5)
    waited = time.monotonic() - began
    during = _on_node(namespace, "ip", "route", "show", pod.address)
    kubectl(namespace, "delete", "pod", "short-lived", f"--namespace={NAMESPACE}")

    assert waited < 0.5
    assert f"{pod.address} dev veth" in during
    # With no grace, its object goes first.
    until(lambda: not _on_node(namespace, "ip", "route", "show", pod.address), seconds=5, what="the end of its route")


def test_a_pod_of_the_hosts_network_has_the_nodes_address_and_interfaces(namespace: ControlPlane) -> None:
    pod = _start(namespace, "on-the-node", hostNetwork=True, nodeName=NODES[0].name)

    assert pod.address == namespace.network.node
    assert json.loads(_on_node(namespace, "ip", "-json", "link")) == json.loads(pod.run("ip", "-json", "link").stdout)
    assert pod.curl("--fail", f"http://{_service(namespace)}:{MONITORING_PORT}/version").code == 0


def test_a_pod_without_a_sidecar_reaches_the_internet_by_any_name(client: Pod) -> None:
    host, record = "api.stripe.com", client.lab.network
    answer = client.curl("--resolve", f"{host}:443:{record.internet}", f"https://{host}/v1/charges")

    assert answer.code == 0, "the pod trusts the authority of the lab's internet"
    assert json.loads(answer.body) == {
        "stand-in": "the lab's internet",
        "host": host,
        "method": "GET",
        "path": "/v1/charges",
        "client": client.address,
    }


def test_every_public_address_is_the_internets_and_no_private_one_is(client: Pod) -> None:
    public = client.curl(f"http://{PUBLIC_ADDRESS}/")

    assert json.loads(public.body)["host"] == PUBLIC_ADDRESS
    # The instance metadata address has an answering stand-in: what refuses it is a NetworkPolicy (ADR 30).
    for private in ("172.16.0.1", "192.168.0.1", "10.0.0.1"):
        answer = client.curl(f"http://{private}/")
        assert answer.code == COULD_NOT_CONNECT, private
        assert answer.seconds < 2, private


def test_an_address_of_no_pod_is_unreachable_at_once(client: Pod) -> None:
    prefix = client.lab.network.pods.rpartition(".")[0].rpartition(".")[0]

    assert client.curl(f"http://{prefix}.100.100/").code == COULD_NOT_CONNECT


def test_the_internets_authority_is_there_to_be_trusted_and_its_key_nowhere(client: Pod) -> None:
    state = client.lab.state

    assert internet.authority(state).read_bytes() in internet.bundle(state).read_bytes()
    assert not list(state.root.rglob("internet*.key"))


def test_what_kube_proxy_sets_is_in_the_nodes_namespace_and_not_in_this_machines(client: Pod) -> None:
    ours = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    nodes = _on_node(client.lab, "nft", "list", "tables")

    assert "table ip kube-proxy" in nodes
    assert "kube-proxy" not in ours
    assert _on_node(client.lab, "cat", "/proc/sys/net/ipv4/ip_forward") == "1\n"


def test_the_bridge_has_one_port_and_the_pods_interfaces_are_the_nodes(client: Pod) -> None:
    bridge = client.lab.network.bridge

    assert [path.name for path in Path(f"/sys/class/net/{bridge}/brif").iterdir()] == [f"{bridge}-node"]
    assert ": veth" in _on_node(client.lab, "ip", "-oneline", "link")
