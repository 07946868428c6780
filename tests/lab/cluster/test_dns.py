"""What the cluster's DNS answers: to a question sent to its Service, and to a pod of the mesh."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from lab.cluster.dns import PUBLIC_ADDRESS
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

A, AAAA, TXT = 1, 28, 16
NO_ERROR, NO_SUCH_NAME = 0, 3
NOT_FOUND_BY_GETENT = 2
_ID = 0x2A5A
_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """code: the response's; addresses: of its A records."""

    code: int
    addresses: tuple[str, ...]


def test_the_deployment_is_available_and_the_service_has_the_tenth_address(whole_lab: WholeLab) -> None:
    deployment = whole_lab.get("deployment", "coredns", "--namespace=kube-system")["status"]
    service = whole_lab.get("service", "kube-dns", "--namespace=kube-system")["spec"]

    assert deployment["availableReplicas"] == 2
    assert service["clusterIP"] == whole_lab.plane.network.dns


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_service_has_its_cluster_address(whole_lab: WholeLab, tcp: bool) -> None:
    service = whole_lab.get("service", "billing-api", "--namespace=secure-apps")["spec"]["clusterIP"]

    answer = _ask(whole_lab, "billing-api.secure-apps.svc.cluster.local", A, tcp=tcp)

    assert answer == Answer(code=NO_ERROR, addresses=(service,))


@pytest.mark.parametrize(
    "name", ["api.stripe.com", "login.example.net", "602401143452.dkr.ecr.eu-west-1.amazonaws.com"]
)
def test_a_name_of_the_stacks_list_is_the_internets(whole_lab: WholeLab, name: str) -> None:
    assert _ask(whole_lab, name, A) == Answer(code=NO_ERROR, addresses=(PUBLIC_ADDRESS,))


@pytest.mark.parametrize("kind", [A, AAAA, TXT])
@pytest.mark.parametrize("name", ["undeclared.example.org", "jfxxk.exfiltration.example.org", "jfxxk.api.stripe.com"])
def test_a_name_that_nobody_declared_does_not_exist(whole_lab: WholeLab, name: str, kind: int) -> None:
    assert _ask(whole_lab, name, kind) == Answer(code=NO_SUCH_NAME, addresses=())


@pytest.mark.parametrize("kind", [AAAA, TXT])
def test_a_public_name_has_nothing_but_its_address(whole_lab: WholeLab, kind: int) -> None:
    assert _ask(whole_lab, "api.stripe.com", kind) == Answer(code=NO_ERROR, addresses=())


@pytest.mark.parametrize(
    "name",
    [
        "absent.secure-apps.svc.cluster.local",
        "billing-api",
        "billing-api.secure-apps.svc",
        "printer.local",
        "a.invalid",
    ],
)
def test_what_neither_the_cluster_nor_the_public_dns_has_does_not_exist(whole_lab: WholeLab, name: str) -> None:
    assert _ask(whole_lab, name, A) == Answer(code=NO_SUCH_NAME, addresses=())


@pytest.mark.parametrize(
    "name", ["billing-api", "billing-api.secure-apps", "billing-api.secure-apps.svc.cluster.local"]
)
def test_a_pod_of_the_mesh_finds_a_service_by_each_of_its_names(whole_lab: WholeLab, name: str) -> None:
    service = whole_lab.get("service", "billing-api", "--namespace=secure-apps")["spec"]["clusterIP"]

    assert _found_by_a_pod(whole_lab, name) == (0, {service})


def test_a_pod_of_the_mesh_finds_a_public_name_and_no_name_that_is_nobodys(whole_lab: WholeLab) -> None:
    assert _found_by_a_pod(whole_lab, "api.stripe.com") == (0, {PUBLIC_ADDRESS})
    assert _found_by_a_pod(whole_lab, "absent.secure-apps.svc") == (NOT_FOUND_BY_GETENT, set())


def _found_by_a_pod(lab: WholeLab, name: str) -> tuple[int, set[str]]:
    """getent's exit code and addresses, asked in a container beside a sidecar."""
    pods = lab.get("pods", "--namespace=secure-apps", "--selector=app=frontend-ui")["items"]
    pod, container = pods[0]["metadata"]["name"], pods[0]["spec"]["containers"][0]["name"]
    command = (f"--container={container}", "--", "/usr/bin/getent", "ahostsv4", name)
    answer = lab.tool("kubectl", "exec", "--namespace=secure-apps", pod, *command)
    return answer.returncode, {line.split()[0] for line in answer.stdout.splitlines()}


def _ask(lab: WholeLab, name: str, kind: int, *, tcp: bool = False) -> Answer:
    """One question (RFC 1035) from this machine to the Service's address."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">6H", _ID, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)
    family = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, family) as connection:
        connection.settimeout(_SECONDS)
        connection.connect((lab.plane.network.dns, 53))
        connection.sendall(struct.pack(">H", len(question)) + question if tcp else question)
        received = connection.recv(4096)
    return _read(received[2:] if tcp else received, len(question))


def _read(message: bytes, records: int) -> Answer:
    """records: where the answer section begins, just after the question."""
    identity, flags, _, count, _, _ = struct.unpack(">6H", message[:12])
    assert identity == _ID
    addresses: list[str] = []
    for _ in range(count):
        while message[records] not in (0, *range(0xC0, 0x100)):
            records += 1 + message[records]
        records += 1 if message[records] == 0 else 2
        kind, _, _, length = struct.unpack(">2HIH", message[records : records + 10])
        data = message[records + 10 : records + 10 + length]
        if kind == A:
            addresses.append(str(IPv4Address(data)))
        records += 10 + length
    return Answer(code=flags & 0xF, addresses=tuple(addresses))
