"""A mesh in which everything holds, as facts; the tests of the checks break one thing of it at a time."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from configuration.parsing import parse
from configuration.settings import Settings
from manifests.ingress import alb_ingress
from manifests.mesh_graph import Member
from manifests.mesh_policies import namespace_mode
from meshops.checks.model import Unavailable, Verdict
from meshops.verify import attempt
from meshops.verify.access_log import LogLine
from meshops.verify.attempts.catalogue import Catalogue
from meshops.verify.calling.network import network_calls
from meshops.verify.calling.plan import EVERY_PURPOSE, first_calls
from meshops.verify.calls import Call
from meshops.verify.facts import (
    AnalysisMessage,
    Answer,
    Autoscaler,
    Edge,
    Environment,
    Exchange,
    Facts,
    Handshake,
    HttpAnswer,
    LiveObject,
    Objects,
    Passthrough,
    Pod,
    Proxy,
    Traffic,
    Workload,
)
from meshops.verify.registry import CHECKS
from meshops.verify.run import judge
from meshops.verify.stack import GATEWAY_KEY, Stack
from meshops.verify.subject import Subject

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MISSING = Unavailable(reason="it could not be had", remedy="have it")
RUN = "abcd1234"
ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
GATEWAYS = {"gateway-1": "10.0.0.11", "gateway-2": "10.0.0.12"}
ANALYSIS = (
    AnalysisMessage(
        code="IST0174",
        level="Warning",
        origin="DestinationRule istio-system/mesh-mutual-tls",
        text="The host *.local defined in the DestinationRule does not match any services in the mesh.",
    ),
    AnalysisMessage(
        code="IST0158",
        level="Warning",
        origin="Namespace shop",
        text="The Istio proxy images of the pods do not match the image defined in the injection configuration.",
    ),
    AnalysisMessage(code="IST0102", level="Info", origin="Namespace cert-manager", text="It is not enabled."),
    AnalysisMessage(
        code="IST0118",
        level="Info",
        origin="Service cert-manager/cert-manager-webhook",
        text="Port name metrics doesn't follow the naming convention of Istio port.",
    ),
)
"""What istioctl says of every mesh of this program."""
ENVIRONMENT = Environment(
    namespace="shop",
    application="billing",
    wanted={"API_KEY": "billing-environment/API_KEY", "URL": "database/url"},
    sources={"API_KEY": "billing-environment/API_KEY", "URL": "database/url", "LEVEL": ""},
    keys={"billing-environment": ("API_KEY",), "database": ("url",)},
)
"""What a check makes of settings with secrets is in `gather`; here it is what was found."""
PROXIES = {"shop/billing-1": "10.0.0.21"}
CONTROL_PLANES = {"istiod-1": "10.0.0.31"}
_CODES = {"wrong-identity": 403, "wrong-method": 403, "wrong-path": 403}
_AUTHENTICATION = {
    "issuers": [
        {
            "issuer": "https://login.example.com",
            "jwksUri": "https://login.example.com/keys",
            "audiences": ["shop"],
            "claims": [{"path": ["realm", "roles"], "values": ["clerk"]}],
        }
    ],
    "exceptPaths": ["/public/*"],
}
NETWORK = {"cidr": "10.0.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}
_DENIED = "rbac_access_denied_matched_policy[none]"


def settings(phase: str = "strict", **sections: Any) -> Settings:
    """frontend calls billing, which calls ledger in another namespace, hosts outside, what is private, and AWS."""
    tree: dict[str, Any] = {
        "network": {**NETWORK, "dnsFirewall": {}},
        "cluster": {
            "name": "mesh-test",
            "privateAccessCidrs": ["10.250.0.0/24"],
            "access": [{"principalArn": "arn:aws:iam::111122223333:role/deploy", "policy": "ClusterAdmin"}],
        },
        "loadBalancer": {
            "domain": "test.example.com",
            "hostedZoneId": "Z0123456789ABCDEFGHIJ",
            "allowedCidrs": ["10.0.0.0/8"],
        },
        "namespaces": [
            {
                "name": "shop",
                "phase": "strict",
                "applications": [
                    _application(
                        "billing",
                        callers=[{"application": "frontend", "methods": ["GET"], "paths": ["/api/data"]}],
                        egress=[
                            {"host": "api.stripe.com"},
                            {"host": "rates.example.net", "originate": True},
                            {"cidr": "10.60.0.0/24", "port": 5432, "protocol": "TCP"},
                            {"cidr": "10.60.1.9/32", "port": 5432, "protocol": "TCP"},
                            {"host": "orders.internal.example.com", "networks": ["10.61.0.0/24"]},
                        ],
                        awsPolicy=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::invoices/*"]}],
                    ),
                    _application(
                        "frontend",
                        hosts=["app.test.example.com"],
                        authentication=_AUTHENTICATION,
                        replicas=None,
                        minReplicas=2,
                        maxReplicas=4,
                    ),
                    {"name": "job", "image": "ghcr.io/example/job:v1", "replicas": 1},
                ],
            },
            {
                "name": "ledgers",
                "phase": phase,
                "applications": [
                    _application(
                        "ledger",
                        callers=[{"application": "shop/billing", "methods": ["GET", "POST"], "paths": ["/entries/*"]}],
                    )
                ],
            },
        ],
        **sections,
    }
    config = {f"zero-trust-mesh:{key}": _text(value) for key, value in tree.items()}
    return parse("test", {"aws:region": "eu-west-1", "zero-trust-mesh:environment": "test", **config})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _application(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": f"ghcr.io/example/{name}:v1", "port": 8080, "replicas": 1, **more}


def stack(phase: str = "strict", **sections: Any) -> Stack:
    return Stack(name="test", settings=settings(phase, **sections)) if sections or phase != "strict" else _usual()


@functools.cache
def _usual() -> Stack:
    return Stack(name="test", settings=settings())


@functools.cache
def pem(
    *, uri: str = "", days: int = 90, age: int = 0, curve: type[ec.EllipticCurve] = ec.SECP256R1, issuer: str = ""
) -> str:
    """A certificate that began `age` days ago. issuer: another than itself."""
    key = ec.generate_private_key(curve())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    by = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]) if issuer else subject
    begin = NOW - timedelta(days=age)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )
    if uri:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def healthy(of: Stack | None = None) -> Facts:
    """Facts of a cluster that is exactly as the settings say."""
    return _usual_facts() if of is None else _facts(of)


@functools.cache
def _usual_facts() -> Facts:
    return _facts(stack())


def _facts(world: Stack) -> Facts:
    served = pem()
    public = pem(days=395)
    return Facts(
        now=NOW,
        objects=objects(world),
        secret=served,
        acm=public,
        edge=edge(world, public),
        passthrough=Passthrough(address="", handshakes={}),
        proxies=tuple(
            Proxy(pod=str(pod), version="1.31.1", control_plane="1.31.1", stale=())
            for pod in pods(world)
            if pod.sidecar
        ),
        workloads=workloads(world),
        analysis=ANALYSIS,
        attempts=attempts(world),
        autoscalers=autoscalers(world),
        environments=(ENVIRONMENT,),
        traffic=Traffic(
            exchanges=tuple(
                _exchange(world, call, served)
                for call in (
                    *first_calls(world, GATEWAYS, proxies=PROXIES, control_planes=CONTROL_PLANES),
                    *network_calls(world, objects(world), EVERY_PURPOSE),
                )
            )
        ),
    )


def autoscalers(world: Stack) -> tuple[Autoscaler, ...]:
    """The applications' own, and istiod's, which its chart makes."""
    istiod = Autoscaler(
        namespace="istio-system", name="istiod", target="Deployment istiod", least=2, most=5, replicas=2, active=True
    )
    return (*(_autoscaler(item) for item in world.of_kind("HorizontalPodAutoscaler")), istiod)


def _autoscaler(item: dict[str, Any]) -> Autoscaler:
    name, spec = item["metadata"]["name"], item["spec"]
    return Autoscaler(
        namespace=item["metadata"]["namespace"],
        name=name,
        target=f"Deployment {name}",
        least=spec["minReplicas"],
        most=spec["maxReplicas"],
        replicas=spec["minReplicas"],
        active=True,
    )


def attempts(world: Stack) -> tuple[attempt.Answer, ...]:
    """What must be refused is, and what must be admitted too."""
    member = next((member for member in world.members if member.application.workload == "managed"), None)
    if member is None:
        return ()
    catalogue = Catalogue(member=member, images=world.images, pod=f"{member.name}-1")
    return tuple(
        attempt.Answer(attempt=tried, outcome="admitted" if tried.legitimate else "refused")
        for tried in catalogue.attempts()
    )


def objects(world: Stack) -> Objects:
    items = [copy.deepcopy(document) for document in world.documents]
    for item in items:
        if item["kind"] == "Certificate":
            item["status"] = {
                "conditions": [{"type": "Ready", "status": "True"}],
                "notAfter": "2027-02-01T00:00:00Z",
                "renewalTime": "2027-01-01T00:00:00Z",
            }
    ingress = alb_ingress(world.settings.load_balancer, certificate_arn=ARN)
    items.append({**ingress, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.10"}]}}})
    for revision in world.settings.mesh.revisions:
        labels = {"app": "sidecar-injector", "istio.io/rev": revision}
        items.append({"kind": "MutatingWebhookConfiguration", "metadata": {"name": revision, "labels": labels}})
        items.append({"kind": "Service", "metadata": {"namespace": "istio-system", "name": f"istiod-{revision}"}})
    items.append({**_KUBERNETES, "spec": {"clusterIP": "172.20.0.1"}})
    return Objects(pods=pods(world), others={found.key: found for found in map(live, items)})


_KUBERNETES = {"kind": "Service", "metadata": {"namespace": "default", "name": "kubernetes"}}


def live(item: dict[str, Any]) -> LiveObject:
    metadata = item["metadata"]
    return LiveObject(
        kind=item["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        labels=metadata.get("labels", {}),
        content=item,
    )


def pods(world: Stack) -> tuple[Pod, ...]:
    proxy = "docker.io/istio/proxyv2:1.31.1-distroless"
    found = [
        pod(
            member.namespace.name,
            f"{member.name}-1",
            labels={"app": member.name},
            aws_identity=bool(member.application.aws_policy),
            images=(member.application.image or "", proxy),
        )
        for member in world.members
    ]
    found += [
        pod("istio-ingress", name, labels={"istio": "ingressgateway"}, images=(proxy,), ip=ip)
        for name, ip in GATEWAYS.items()
    ]
    istiod = {"app": "istiod", "istio.io/rev": "1-31-1"}
    pilot = "docker.io/istio/pilot:1.31.1-distroless"
    found.append(pod("istio-system", "istiod-1", labels=istiod, images=(pilot,), sidecar=False))
    controller = "quay.io/jetstack/cert-manager-controller:v1.21.2"
    found.append(pod("cert-manager", "cert-manager-1", images=(controller,), sidecar=False))
    return tuple(found)


def pod(namespace: str, name: str, **changes: Any) -> Pod:
    base = Pod(
        namespace=namespace,
        name=name,
        labels={},
        service_account="default",
        phase="Running",
        ip="10.0.0.99",
        ready=True,
        leaving=False,
        sidecar=True,
        revision="1-31-1",
        images=(),
    )
    return replace(base, **changes)


def workloads(world: Stack) -> tuple[Workload, ...]:
    found = []
    for member in world.members:
        name, home = member.name, member.namespace.name
        policies = {f"deny-all.{home}", "deny-all.istio-system"}
        if member.application.port:
            policies.add(f"{name}.{home}")
        if member.application.authentication:
            policies.add(f"{name}.authentication.{home}")
        found.append(
            Workload(
                namespace=member.namespace.name,
                application=name,
                pod=f"{name}-1",
                certificate=pem(uri=f"spiffe://{world.principal(member)}", days=1),
                policies=tuple(sorted(policies)),
                mtls=namespace_mode(member.namespace),
                metrics=400,
            )
        )
    gateway = pem(uri=f"spiffe://{world.gateway_identity}", days=1)
    found.append(
        Workload(
            namespace=GATEWAY_KEY[0],
            application=GATEWAY_KEY[1],
            pod="gateway-1",
            certificate=gateway,
            policies=("allow-public-hosts.istio-ingress",),
            mtls="STRICT",
            metrics=400,
        )
    )
    return tuple(found)


def edge(world: Stack, public: str) -> Edge:
    answers = tuple(
        answer
        for member in world.published
        for host in member.application.hosts
        for answer in _answers(world, member, host)
    )
    return Edge(
        address="10.0.0.10",
        modern=Handshake(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", certificate=public),
        older=Handshake(problem="tlsv1 alert protocol version", refused=True),
        redirect=HttpAnswer(host="app.test.example.com", status=301, location="https://app.test.example.com:443/"),
        answers=answers,
    )


def _answers(world: Stack, member: Member, host: str) -> tuple[HttpAnswer, ...]:
    agent = f"meshops-verify/{RUN}/e1"
    if member.application.authentication is None:
        return (HttpAnswer(host=host, status=200, agent=agent, lines=(server_line(world, member),)),)
    without = server_line(world, member, response_code=403, details=no_token(member))
    forged = server_line(world, member, response_code=401, details="jwt_authn_access_denied{Jwt_verification_fails}")
    return (
        HttpAnswer(host=host, status=403, agent=agent, lines=(without,)),
        HttpAnswer(host=host, status=401, agent=agent, forged=True, lines=(forged,)),
    )


def no_token(member: Member) -> str:
    """Why its sidecar refuses a request without a token, in Envoy's words."""
    policy = f"ns[{member.namespace.name}]-policy[{member.name}.authentication]"
    return f"rbac_access_denied_matched_policy[{policy}-rule[0]]"


def server_line(world: Stack, callee: Member, identity: str = "", **changes: Any) -> LogLine:
    """What the callee's sidecar writes about a request that its application answered."""
    line = LogLine(
        namespace=callee.namespace.name,
        application=callee.name,
        method="GET",
        path="/",
        response_code=200,
        details="via_upstream",
        downstream_peer=identity or world.gateway_identity,
        downstream_local=world.principal(callee),
    )
    return replace(line, **changes)


def client_line(world: Stack, call: Call, **changes: Any) -> LogLine:
    line = LogLine(namespace=call.client.namespace, application="probe", client=True, upstream_cluster="outbound")
    if call.callee is not None:
        line = replace(line, upstream_local=call.identity, upstream_peer=world.principal(call.callee))
    return replace(line, **changes)


def _exchange(world: Stack, call: Call, served: str) -> Exchange:
    ok, reset = Answer(exit_code=0, http_code=200), Answer(exit_code=56, http_code=0, error="Recv failure")
    if call.purpose == "plaintext":
        strict = call.callee is not None and call.callee.namespace.phase == "strict"
        return Exchange(call=call, answer=reset if strict else ok)
    if call.purpose in ("caged", "network-stranger", "platform-stranger", "past-sidecar"):
        return Exchange(call=call, answer=Answer(exit_code=28, http_code=0, error="Connection timed out"))
    if call.purpose in ("network-declared", "platform-declared"):
        return Exchange(call=call, answer=replace(reset, local_address="10.20.9.9:40000"))
    if call.purpose in ("proxy-port", "control-plane-port"):
        return Exchange(call=call, answer=Answer(exit_code=7, http_code=0, error="Connection refused"))
    if call.purpose == "gateway-older-tls":
        return Exchange(call=call, answer=Answer(exit_code=35, http_code=0, error="alert protocol version"))
    if call.purpose in ("undeclared-host", "private-destination-stranger", "agent-stranger"):
        line = client_line(world, call, upstream_cluster="BlackHoleCluster", server_name=call.host)
        return Exchange(call=call, answer=Answer(exit_code=35, http_code=0), lines=(line,))
    if call.purpose == "undeclared-host-outside" and world.settings.network.dns_firewall:
        return Exchange(call=call, answer=Answer(exit_code=6, http_code=0, error="Could not resolve host"))
    if call.purpose == "agent":
        return Exchange(call=call, answer=Answer(exit_code=0, http_code=401))
    if call.callee is None:
        own = (client_line(world, call),) if call.client.injected else ()
        return Exchange(call=call, answer=ok, lines=own)
    if call.purpose == "gateway":
        gateway = LogLine(
            namespace=GATEWAY_KEY[0],
            application=GATEWAY_KEY[1],
            upstream_local=world.gateway_identity,
            upstream_peer=world.principal(call.callee),
        )
        asks = call.callee.application.authentication is not None
        answer = replace(ok, http_code=403 if asks else 200, certificates=(served,))
        server = server_line(world, call.callee)
        if asks:
            server = replace(server, response_code=403, details=no_token(call.callee))
        return Exchange(call=call, answer=answer, lines=(server, gateway))
    code = _CODES.get(call.purpose, 200)
    details = "via_upstream" if code == 200 else _DENIED
    server = server_line(world, call.callee, call.identity, method=call.method, response_code=code, details=details)
    answer = Answer(exit_code=0, http_code=code)
    return Exchange(call=call, answer=answer, lines=(server, client_line(world, call)))


def verdict(id: str, facts: Facts, of: Stack | None = None) -> Verdict:
    """What one check says about these facts."""
    (check,) = (check for check in CHECKS if check.id == id)
    (result,) = judge(Subject(stack=of or stack(), facts=facts), (check,))
    return result.verdict


def with_exchanges(facts: Facts, purpose: str, change: Callable[[Exchange], Exchange]) -> Facts:
    """The facts with every exchange of a purpose changed."""
    assert isinstance(facts.traffic, Traffic)
    assert any(exchange.call.purpose == purpose for exchange in facts.traffic.exchanges), purpose
    exchanges = tuple(
        change(exchange) if exchange.call.purpose == purpose else exchange for exchange in facts.traffic.exchanges
    )
    return replace(facts, traffic=Traffic(exchanges=exchanges))


def with_object(facts: Facts, item: dict[str, Any]) -> Facts:
    """The facts with one more object, or another one in its place."""
    assert isinstance(facts.objects, Objects)
    found = live(item)
    return replace(facts, objects=replace(facts.objects, others={**facts.objects.others, found.key: found}))


def without_object(facts: Facts, kind: str, namespace: str, name: str) -> Facts:
    assert isinstance(facts.objects, Objects)
    others = {key: value for key, value in facts.objects.others.items() if key != (kind, namespace, name)}
    assert len(others) < len(facts.objects.others), f"there is no {kind} {namespace}/{name}"
    return replace(facts, objects=replace(facts.objects, others=others))


def changed(facts: Facts, kind: str, namespace: str, name: str, change: Callable[[dict[str, Any]], None]) -> Facts:
    """The facts with one object changed in place."""
    assert isinstance(facts.objects, Objects)
    item = copy.deepcopy(dict(facts.objects.others[kind, namespace, name].content))
    change(item)
    return with_object(facts, item)


def with_pod(facts: Facts, name: str, **changes: Any) -> Facts:
    """The facts with one pod changed, or removed where `gone` is given."""
    assert isinstance(facts.objects, Objects)
    assert any(pod.name == name for pod in facts.objects.pods), name
    gone = changes.pop("gone", False)
    kept = tuple(
        replace(pod, **changes) if pod.name == name else pod
        for pod in facts.objects.pods
        if not (gone and pod.name == name)
    )
    return replace(facts, objects=replace(facts.objects, pods=kept))
