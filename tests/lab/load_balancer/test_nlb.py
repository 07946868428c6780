"""The Envoy in load balancers' place as an NLB: it passes on what it is given, and checks as annotated."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from lab.load_balancer.model import Listener, LoadBalancerModel, Target, TargetGroup
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
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    directory = tmp_path_factory.mktemp("nlb")
    proxy = Proxy(directory=directory / "nlb")
    with running_envoy(directory, proxy) as log:
        # What curl trusts here is the target's own certificate: an NLB that passes TLS through has none.
        pair = self_signed(directory, "app.example.com")
        yield Balancer(proxy=proxy, pair=pair, http=0, https=free_port(), log=log)


@pytest.fixture
def target(balancer: Balancer) -> Iterator[FakeTarget]:
    made = FakeTarget(pair=balancer.pair).start()
    yield made
    made.stop()


def _serve(balancer: Balancer, target: FakeTarget, *, name: str, proxy_protocol: bool = False) -> TargetGroup:
    group = TargetGroup(
        arn=f"arn:{name}",
        name=f"{name}_443",
        protocol="TCP",
        check=a_check(target.health_port, codes="200-299"),
        proxy_protocol=proxy_protocol,
        targets=(Target(address=target.address, port=target.port),),
    )
    balancer.play(
        LoadBalancerModel(
            kind="network",
            source="Service istio-ingress/gateway",
            name=name,
            host="nlb.example.com",
            listeners=(Listener(port=443, protocol="TCP", group=group),),
            idle_timeout=350,
        )
    )
    return group


def test_the_clients_tls_reaches_the_target_with_its_server_name(balancer: Balancer, target: FakeTarget) -> None:
    group = _serve(balancer, target, name="through")
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "healthy"})
    await_that(lambda: balancer.curl("--http1.1").startswith("HTTP/1.1 200"), balancer.curl)
    seen = target.seen[0]
    assert seen.server_name == "app.example.com"
    assert not [name for name in seen.fields if name.startswith("x-")], "an NLB adds no header field"
    served = ssl.get_server_certificate(("127.0.0.1", balancer.https))
    assert ssl.PEM_cert_to_DER_cert(served) == ssl.PEM_cert_to_DER_cert(target.pair.certificate.read_text())


def test_health_is_asked_over_http_beside_the_passed_through_port(balancer: Balancer, target: FakeTarget) -> None:
    group = _serve(balancer, target, name="checked")
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "healthy"})
    assert target.checks[0].startswith("GET /healthz/ready HTTP/1.1")
    target.status_code = 404
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "unhealthy"})


def test_with_proxy_protocol_the_target_learns_the_clients_address(balancer: Balancer, target: FakeTarget) -> None:
    target.proxy_protocol = True
    group = _serve(balancer, target, name="proxied", proxy_protocol=True)
    balancer.await_health(group, {f"127.0.0.1:{target.port}": "healthy"})
    arguments = ("--http1.1", "--interface", "127.0.0.9")
    await_that(lambda: balancer.curl(*arguments).startswith("HTTP/1.1 200"), lambda: balancer.curl(*arguments))
    assert target.seen[0].peer == "127.0.0.9"
