"""The Envoy in load balancers' place: a real one on loopback, before targets that record what they are sent."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.load_balancer.model import Target
from lab.load_balancer.proxy import Proxy
from tests.lab.load_balancer.alb_parts import (
    Balancer,
    FakeTarget,
    a_check,
    await_that,
    free_port,
    running_envoy,
    self_signed,
)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    directory = tmp_path_factory.mktemp("alb")
    proxy = Proxy(directory=directory / "alb")
    with running_envoy(directory, proxy) as log:
        pair = self_signed(directory, "app.example.com")
        yield Balancer(proxy=proxy, pair=pair, http=free_port(), https=free_port(), log=log)


@pytest.fixture
def balancer(envoy: Balancer) -> Balancer:
    envoy.policy, envoy.idle_timeout = "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", 60
    envoy.allowed_cidrs = ("0.0.0.0/0",)
    return envoy


@pytest.fixture
def target(tmp_path: Path) -> Iterator[FakeTarget]:
    # A certificate of nobody's, for another name: an ALB does not look at it.
    made = FakeTarget(pair=self_signed(tmp_path, "gateway.invalid")).start()
    yield made
    made.stop()


@pytest.fixture
def second(tmp_path: Path, target: FakeTarget) -> Iterator[FakeTarget]:
    # Another address with the same ports, as pods of one Deployment have.
    made = FakeTarget(
        pair=self_signed(tmp_path, "gateway2.invalid"), name="second", address="127.0.0.2",
        port=target.port, health_port=target.health_port,
    ).start()  # fmt: skip
    yield made
    made.stop()


def _serve(balancer: Balancer, *targets: FakeTarget) -> None:
    group = balancer.serve(*targets)
    balancer.await_health(group, {f"{target.address}:{target.port}": "healthy" for target in targets})


def _handshake(port: int, maximum: ssl.TLSVersion) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = maximum
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5))


def test_the_listener_speaks_tls_13_and_refuses_tls_12(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    with _handshake(balancer.https, ssl.TLSVersion.TLSv1_3) as connection:
        assert connection.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|protocol version"):
        _handshake(balancer.https, ssl.TLSVersion.TLSv1_2)


def test_a_policy_that_begins_at_tls_12_lets_tls_12_in(balancer: Balancer, target: FakeTarget) -> None:
    balancer.policy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    _serve(balancer, target)
    await_that(lambda: "HTTP/2 200" in balancer.curl("--tls-max", "1.2"), lambda: balancer.curl("--tls-max", "1.2"))
    assert "HTTP/2 200" in balancer.curl("--tlsv1.3")


def test_the_certificate_is_served_byte_for_byte(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    served = ssl.get_server_certificate(("127.0.0.1", balancer.https))
    assert ssl.PEM_cert_to_DER_cert(served) == ssl.PEM_cert_to_DER_cert(balancer.pair.certificate.read_text())


def test_a_client_outside_the_inbound_cidrs_gets_nothing(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    assert balancer.curl().startswith("HTTP/2 200")
    balancer.allowed_cidrs = ("198.51.100.0/24", "203.0.113.7/32")
    balancer.serve(target)
    await_that(lambda: balancer.curl().startswith("curl exit"), balancer.curl)
    balancer.allowed_cidrs = ("198.51.100.0/24", "127.0.0.0/8")
    balancer.serve(target)
    await_that(lambda: balancer.curl().startswith("HTTP/2 200"), balancer.curl)


def test_http_is_redirected_to_the_port_of_https(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    answer = subprocess.run(
        ["curl", "-si", "-H", "Host: app.example.com", f"http://127.0.0.1:{balancer.http}/a?b=c"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert answer.startswith("HTTP/1.1 301 ")
    assert "location: https://app.example.com:443/a?b=c" in answer
    assert "server: awselb/2.0" in answer
    assert target.seen == []


def test_the_target_is_spoken_to_in_tls_13_without_a_server_name_and_its_certificate_is_not_validated(
    balancer: Balancer, target: FakeTarget
) -> None:
    _serve(balancer, target)
    answer = balancer.curl("--http2")
    assert answer.startswith("HTTP/2 200")
    assert answer.endswith("target")
    (seen,) = target.seen
    assert seen.server_name is None
    assert seen.tls == "TLSv1.3"
    assert seen.head.startswith("GET / HTTP/1.1")


def test_the_forwarding_fields_are_an_albs(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    balancer.curl("-H", "X-Forwarded-For: 203.0.113.7", "-H", "X-Forwarded-Proto: http", "-H", "X-Forwarded-Port: 80")
    fields = target.seen[0].fields
    first, _, own = fields["x-forwarded-for"].partition(",")
    assert first == "203.0.113.7"
    assert own.strip()
    assert fields["x-forwarded-proto"] == "https"
    assert fields["x-forwarded-port"] == "443"
    assert fields["host"] == f"app.example.com:{balancer.https}"
    assert fields["x-amzn-trace-id"].startswith("Root=1-")
    assert not [name for name in fields if name.startswith("x-envoy") or name == "x-request-id"]


def test_a_clients_trace_root_is_kept_and_its_own_self_is_replaced(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    balancer.curl("-H", "X-Amzn-Trace-Id: Self=1-0-0;Root=1-67891233-abcdef012345678912345678;CalledFrom=app")
    given = target.seen[0].fields["x-amzn-trace-id"]
    own, _, rest = given.partition(";")
    assert own.startswith("Self=1-")
    assert own != "Self=1-0-0"
    assert rest == "Root=1-67891233-abcdef012345678912345678;CalledFrom=app"


def test_invalid_header_fields_are_dropped_and_valid_ones_pass(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    balancer.curl("-H", "under_score: 1", "-H", "dot.ted: 1", "-H", "Valid-1: yes", "-H", "X-Forwarded-Client-Cert: a")
    fields = target.seen[0].fields
    assert not {"under_score", "dot.ted"} & fields.keys()
    assert fields["valid-1"] == "yes"
    assert fields["x-forwarded-client-cert"] == "a", "an ALB passes it on: only the gateway may distrust it"


def test_a_target_that_resets_is_502_with_an_albs_page(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    target.conduct = "reset"
    answer = balancer.curl()
    assert answer.startswith("HTTP/2 502")
    assert "server: awselb/2.0" in answer
    assert "<center><h1>502 Bad Gateway</h1></center>" in answer
    assert len(target.seen) == 1, "a request that a target has seen is not repeated"


def test_a_target_that_refuses_the_connection_is_502(balancer: Balancer, target: FakeTarget) -> None:
    closed = Target(address="127.0.0.1", port=free_port())
    group = balancer.serve(extra=(closed,), check=a_check(target.health_port))
    balancer.await_health(group, {str(closed): "healthy"})
    assert balancer.curl().startswith("HTTP/2 502")


def test_a_target_that_does_not_speak_tls_is_502(balancer: Balancer, target: FakeTarget) -> None:
    # The port of its health checks speaks HTTP only.
    plain = Target(address="127.0.0.1", port=target.health_port)
    group = balancer.serve(extra=(plain,), check=a_check(target.health_port))
    balancer.await_health(group, {str(plain): "healthy"})
    assert balancer.curl().startswith("HTTP/2 502")


def test_no_target_at_all_is_503(balancer: Balancer) -> None:
    balancer.serve()
    await_that(lambda: "503 Service Temporarily Unavailable" in balancer.curl(), balancer.curl)
    assert "server: awselb/2.0" in balancer.curl()


def test_a_target_that_stays_silent_is_504_after_the_idle_timeout(balancer: Balancer, target: FakeTarget) -> None:
    balancer.idle_timeout = 2
    _serve(balancer, target)
    target.conduct = "silent"
    await_that(lambda: balancer.curl().startswith("HTTP/2 504"))
    assert "504 Gateway Time-out" in balancer.curl()


def test_a_target_that_cannot_be_reached_is_504_after_ten_seconds(balancer: Balancer, target: FakeTarget) -> None:
    with socket.socket() as full:
        # With its queue full, the kernel drops what else would connect.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        unreachable = Target(address="127.0.0.1", port=full.getsockname()[1])
        group = balancer.serve(extra=(unreachable,), check=a_check(target.health_port))
        balancer.await_health(group, {str(unreachable): "healthy"})
        answer = balancer.curl()
        for client in waiting:
            client.close()
    assert answer.startswith("HTTP/2 504")


def test_health_is_asked_in_plain_http_on_the_annotated_port_and_path(balancer: Balancer, target: FakeTarget) -> None:
    _serve(balancer, target)
    first = target.checks[0]
    assert first.startswith("GET /healthz/ready HTTP/1.1")
    assert f"host: 127.0.0.1:{target.health_port}" in first
    assert "user-agent: ELB-HealthChecker/2.0" in first


def test_an_unhealthy_target_gets_nothing_while_another_is_healthy(
    balancer: Balancer, target: FakeTarget, second: FakeTarget
) -> None:
    _serve(balancer, target, second)
    assert {balancer.curl()[-6:] for _ in range(6)} == {"target", "second"}
    target.status_code = 503
    group = balancer.serve(target, second)
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "unhealthy", f"127.0.0.2:{target.port}": "healthy"})
    assert {balancer.curl()[-6:] for _ in range(6)} == {"second"}


def test_when_no_target_is_healthy_all_of_them_get_requests(balancer: Balancer, target: FakeTarget) -> None:
    target.status_code = 503
    group = balancer.serve(target)
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "unhealthy"})
    assert balancer.curl().startswith("HTTP/2 200")


def test_a_deregistered_target_finishes_what_it_has_and_gets_nothing_new(
    balancer: Balancer, target: FakeTarget, second: FakeTarget
) -> None:
    _serve(balancer, target)
    target.conduct = 2.0
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(balancer.curl(path="/slow")))
    slow.start()
    await_that(lambda: len(target.seen) == 1)
    group = balancer.serve(second)
    balancer.await_health(group, {f"127.0.0.2:{second.port}": "healthy"})
    assert {balancer.curl()[-6:] for _ in range(4)} == {"second"}
    slow.join()
    assert answers[0].startswith("HTTP/2 200")
    assert answers[0].endswith("target")
    assert len(target.seen) == 1


def test_replacing_targets_one_by_one_under_load_loses_no_request(
    balancer: Balancer, target: FakeTarget, second: FakeTarget
) -> None:
    _serve(balancer, target)
    failed: list[str] = []
    answered: list[str] = []
    stop = threading.Event()

    def load() -> None:
        for _ in range(300):
            answer = balancer.curl()
            (answered if answer.startswith("HTTP/2 200") else failed).append(answer[-6:])
            if stop.wait(0.01):
                return

    client = threading.Thread(target=load)
    client.start()
    for members in ((target, second), (second,), (second, target), (target,)):
        _serve(balancer, *members)
        enough = len(answered) + 4
        await_that(lambda enough=enough: len(answered) >= enough)
    stop.set()
    client.join()
    assert failed == []
    assert set(answered) == {"target", "second"}
