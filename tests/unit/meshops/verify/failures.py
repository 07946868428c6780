"""What can be wrong with a mesh, one thing at a time, and what the check that must see it then says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from meshops.checks.model import Unavailable
from meshops.verify import attempt
from meshops.verify.access_log import LogLine
from meshops.verify.calling.plan import FORGED_PATH
from meshops.verify.facts import (
    AnalysisMessage,
    Answer,
    Edge,
    Exchange,
    Facts,
    Handshake,
    HttpAnswer,
    Passthrough,
    Workload,
)
from tests.unit.meshops.verify.world import (
    ENVIRONMENT,
    changed,
    pem,
    with_exchanges,
    with_object,
    with_pod,
    without_object,
)

Change = Callable[[Facts], Facts]
FRONTEND = "app.test.example.com"
OK = Answer(exit_code=0, http_code=200)


def user(status: int, details: str, *, forged: bool = False) -> HttpAnswer:
    """An answer under the host that asks for a token, and what its sidecar wrote of it."""
    line = LogLine(namespace="shop", application="frontend", response_code=status, details=details)
    return HttpAnswer(host=FRONTEND, status=status, forged=forged, lines=(line,))


def autoscaler(name: str, /, **changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert not isinstance(facts.autoscalers, Unavailable)
        found = tuple(replace(one, **changes) if one.name == name else one for one in facts.autoscalers)
        return replace(facts, autoscalers=found)

    return change


def environment(**changes: Any) -> Change:
    return lambda facts: replace(facts, environments=(replace(ENVIRONMENT, **changes),))


def source(variable: str, name: str) -> Change:
    return environment(sources={**ENVIRONMENT.sources, variable: name})


def edge(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.edge, Edge)
        return replace(facts, edge=replace(facts.edge, **changes))

    return change


def answers(purpose: str, answer: Answer, **line: Any) -> Change:
    """Another answer to every call of a purpose; line: what the callee's sidecar wrote of it."""

    def change(exchange: Exchange) -> Exchange:
        lines = tuple(item if item.client else replace(item, **line) for item in exchange.lines)
        return replace(exchange, answer=answer, lines=lines)

    return lambda facts: with_exchanges(facts, purpose, change)


def lines(purpose: str, change: Callable[[LogLine], LogLine | None]) -> Change:
    def of(exchange: Exchange) -> Exchange:
        return replace(exchange, lines=tuple(line for line in map(change, exchange.lines) if line))

    return lambda facts: with_exchanges(facts, purpose, of)


def sidecar_answers(purpose: str, code: int, details: str) -> Change:
    """The caller's own sidecar answers, and sends nothing on."""

    def change(exchange: Exchange) -> Exchange:
        lines = tuple(replace(line, response_code=code, details=details) for line in exchange.lines)
        return replace(exchange, answer=Answer(exit_code=0, http_code=code), lines=lines)

    return lambda facts: with_exchanges(facts, purpose, change)


def sidecar_sends(purpose: str, cluster: str) -> Change:
    """The caller's own sidecar sends it there, and it is answered."""

    def change(exchange: Exchange) -> Exchange:
        lines = tuple(replace(line, upstream_cluster=cluster) for line in exchange.lines)
        return replace(exchange, answer=OK, lines=lines)

    return lambda facts: with_exchanges(facts, purpose, change)


def no_server_line(line: LogLine) -> LogLine | None:
    return line if line.client else None


def served(certificate: str) -> Change:
    return answers("gateway", replace(OK, certificates=(certificate,)))


def passes_through(facts: Facts, handshake: Handshake) -> Facts:
    return replace(facts, passthrough=Passthrough(address="10.0.0.20", handshakes={"vault.example.com": handshake}))


def workload(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.workloads, tuple)
        first, *rest = facts.workloads
        assert isinstance(first, Workload)
        return replace(facts, workloads=(replace(first, **changes), *rest))

    return change


def proxy(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.proxies, tuple)
        return replace(facts, proxies=(replace(facts.proxies[0], **changes), *facts.proxies[1:]))

    return change


def analyzed(**changes: Any) -> Change:
    """One more message of istioctl analyze: a warning, unless said otherwise."""

    def change(facts: Facts) -> Facts:
        assert isinstance(facts.analysis, tuple)
        base = AnalysisMessage(code="IST0101", level="Warning", origin="Gateway shop/x", text="something")
        return replace(facts, analysis=(*facts.analysis, replace(base, **changes)))

    return change


def attempted(id: str, outcome: attempt.Outcome = "admitted") -> Change:
    """One attempt has another outcome."""

    def change(facts: Facts) -> Facts:
        assert isinstance(facts.attempts, tuple)
        wall = "mesh-workloads" if outcome == "refused" else ""
        return replace(
            facts,
            attempts=tuple(
                replace(answer, outcome=outcome, wall=wall) if answer.attempt.id == id else answer
                for answer in facts.attempts
            ),
        )

    return change


def another(kind: str, namespace: str, name: str, **body: Any) -> Change:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return lambda facts: with_object(facts, {"kind": kind, "metadata": metadata, **body})


def set_value(kind: str, namespace: str, name: str, *path: str, value: Any) -> Change:
    """One value of one object, at a path of keys."""

    def change(item: dict[str, Any]) -> None:
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] = value

    return lambda facts: changed(facts, kind, namespace, name, change)


def without(kind: str, namespace: str, name: str) -> Change:
    return lambda facts: without_object(facts, kind, namespace, name)


def pod(name: str, **changes: Any) -> Change:
    return lambda facts: with_pod(facts, name, **changes)


_RULE = {"host": "ledger.ledgers.svc.cluster.local"}
_ANYONE = {"rules": [{}]}

FAILS: tuple[tuple[str, str, Change], ...] = (
    ("MV101", "refused TLS 1.3", edge(modern=Handshake(problem="handshake failure", refused=True))),
    ("MV102", "TLSv1.2 was taken", edge(older=Handshake(version="TLSv1.2"))),
    ("MV103", "not ACM's", lambda facts: replace(facts, acm=pem(days=394))),
    ("MV104", "HTTP 200, not 301", edge(redirect=HttpAnswer(host="app.test.example.com", status=200))),
    ("MV104", "301 to http://", edge(redirect=HttpAnswer(host="a", status=301, location="http://other/"))),
    ("MV105", "HTTP 503", edge(answers=(HttpAnswer(host="app.test.example.com", status=503),))),
    ("MV105", "no such request", edge(answers=(HttpAnswer(host="app.test.example.com", status=200),))),
    ("MV106", "TLS ends there", lambda facts: passes_through(facts, Handshake(certificate=pem()))),
    (
        "MV106",
        "app.test.example.com is the ALB's",
        lambda facts: replace(
            facts,
            passthrough=Passthrough(
                address="10.0.0.20",
                handshakes={},
                terminated={"app.test.example.com": Handshake(version="TLSv1.3", certificate=pem(days=1))},
            ),
        ),
    ),
    ("MV106", "it has ended", lambda facts: passes_through(facts, Handshake(certificate=pem(days=1, age=2)))),
    ("MV106", "no TLS (reset)", lambda facts: passes_through(facts, Handshake(problem="reset", refused=True))),
    ("MV201", "curl exit 35", answers("gateway", Answer(exit_code=35, http_code=0))),
    ("MV202", "TLS 1.2 was taken", answers("gateway-older-tls", replace(OK, http_code=404))),
    ("MV203", "not ECDSA P-256", served(pem(curve=ec.SECP384R1))),
    ("MV203", "90 days asked for", served(pem(days=30))),
    ("MV203", "issued by CN=somebody", served(pem(issuer="somebody"))),
    ("MV203", "it has ended", served(pem(age=91))),
    ("MV204", "the secret has", served(pem(age=1))),
    ("MV205", "HTTP 404", answers("gateway", replace(OK, http_code=404), details="route_not_found")),
    ("MV301", "no identity", lines("gateway", lambda line: replace(line, downstream_peer="", upstream_local=""))),
    ("MV302", "no identity", lines("right-identity", lambda line: replace(line, downstream_peer=""))),
    ("MV302", "caller's proxy logged", lines("right-identity", lambda line: replace(line, upstream_peer="x"))),
    ("MV303", "plaintext got HTTP 200", answers("plaintext", OK)),
    ("MV303", "plaintext got HTTP 403", answers("plaintext", replace(OK, http_code=403))),
    ("MV303", "not the reset", answers("plaintext", Answer(exit_code=52, http_code=0))),
    ("MV304", "its certificate says", workload(certificate=pem(uri="spiffe://cluster.local/ns/x/sa/y"))),
    ("MV304", "is not renewed", workload(certificate=pem(uri="spiffe://cluster.local/ns/shop/sa/billing-sa", age=95))),
    ("MV305", "PERMISSIVE, its phase says STRICT", workload(mtls="PERMISSIVE")),
    ("MV306", ":15090/stats/prometheus: HTTP 200", answers("proxy-port", OK)),
    ("MV307", ":15014/metrics: HTTP 200", answers("control-plane-port", OK)),
    (
        "MV307",
        "the port is open",
        answers("control-plane-port", Answer(exit_code=1, http_code=0, local_address="10.0.0.9:40000")),
    ),
    ("MV308", "it gives none", workload(metrics=0)),
    ("MV309", "it got there", answers("network-stranger", Answer(exit_code=52, http_code=0))),
    ("MV309", "and it is declared", answers("network-declared", Answer(exit_code=28, http_code=0))),
    ("MV310", "it got there", answers("platform-stranger", Answer(exit_code=7, http_code=0))),
    ("MV310", "and it is declared", answers("platform-declared", Answer(exit_code=28, http_code=0))),
    ("MV506", "it got there", answers("past-sidecar", OK)),
    (
        "MV407",
        "logged as /meshops-verify-forged",
        lines("forged-headers", lambda line: replace(line, path=FORGED_PATH)),
    ),
    (
        "MV407",
        "from 192.0.2.1:0",
        lines("forged-headers", lambda line: replace(line, downstream_remote_address="192.0.2.1:0")),
    ),
    ("MV626", "is not of the program", another("EnvoyFilter", "shop", "x", spec={})),
    (
        "MV626",
        "headers-nobody-may-send: it does not exist",
        without("EnvoyFilter", "istio-system", "headers-nobody-may-send"),
    ),
    ("MV401", "HTTP 403", answers("right-identity", replace(OK, http_code=403), details="rbac_access_denied")),
    ("MV401", "not from the application", answers("right-identity", OK, details="direct_response")),
    ("MV401", "HTTP 503", answers("right-identity", replace(OK, http_code=503))),
    ("MV402", "HTTP 200, not 403", answers("wrong-identity", OK)),
    (
        "MV402",
        "the mesh let it through",
        answers("wrong-identity", replace(OK, http_code=403), details="via_upstream"),
    ),
    ("MV403", "HTTP 405, not 403", answers("wrong-method", replace(OK, http_code=405))),
    ("MV404", "HTTP 404, not 403", answers("wrong-path", replace(OK, http_code=404))),
    ("MV405", "lacks the caller's principal", lines("wrong-path", lambda line: replace(line, downstream_peer=""))),
    ("MV405", "no line about it", lines("wrong-method", no_server_line)),
    ("MV405", "the reason", lines("wrong-identity", lambda line: replace(line, details=""))),
    (
        "MV408",
        "without a token: HTTP 200 from the application",
        edge(answers=(user(200, "via_upstream"),)),
    ),
    (
        "MV408",
        "with a forged token: HTTP 200 from the application",
        edge(answers=(user(200, "via_upstream", forged=True),)),
    ),
    (
        # Refused, but not for want of a token: with one, whoever it names may be let in or not.
        "MV408",
        "without a token: HTTP 403, rbac_access_denied_matched_policy[none]",
        edge(answers=(user(403, "rbac_access_denied_matched_policy[none]"),)),
    ),
    ("MV408", "HTTP 399, not seen by its sidecar", edge(answers=(HttpAnswer(host=FRONTEND, status=399),))),
    (
        "MV627",
        "RequestAuthentication shop/loose is not of the program",
        another("RequestAuthentication", "shop", "loose", spec={"jwtRules": []}),
    ),
    (
        "MV406",
        "billing.shop is missing",
        workload(policies=("deny-all.shop", "deny-all.istio-system")),
    ),
    ("MV501", "no answer, curl exit 35", answers("declared-host", Answer(exit_code=35, http_code=0))),
    ("MV501", "HTTP 502, direct_response", sidecar_answers("declared-host", 502, "direct_response")),
    (
        "MV502",
        "example.org: HTTP 200",
        lambda facts: with_exchanges(facts, "undeclared-host", lambda e: replace(e, answer=OK, lines=())),
    ),
    ("MV503", "example.org: its name resolves (HTTP 200)", answers("undeclared-host-outside", OK)),
    (
        "MV503",
        "its name resolves (no answer, curl exit 28 (Connection timed out))",
        answers("undeclared-host-outside", Answer(exit_code=28, http_code=0, error="Connection timed out")),
    ),
    (
        "MV504",
        "shop/frontend to 10.60.0.0/24, which is not its own: HTTP 200; its sidecar let it out by outbound",
        sidecar_sends("private-destination-stranger", "outbound"),
    ),
    (
        "MV504",
        "ledgers/ledger to 10.60.0.0/24, which is not its own: HTTP 200; past its sidecar",
        lambda facts: with_exchanges(facts, "private-destination-stranger", lambda e: replace(e, answer=OK, lines=())),
    ),
    ("MV504", "its own sidecar blocks it", sidecar_sends("private-destination", "BlackHoleCluster")),
    (
        # Of a network of many addresses nothing is said; here one is meant, and nobody is there.
        "MV504",
        "shop/billing to 10.60.1.9/32: no answer, curl exit 28",
        answers("private-destination", Answer(exit_code=28, http_code=0)),
    ),
    ("MV505", "billing-1 was given no identity", pod("billing-1", aws_identity=False)),
    ("MV505", "no answer, curl exit 28", answers("agent", Answer(exit_code=28, http_code=0))),
    (
        "MV505",
        "shop/frontend to the node's Pod Identity agent, which is not its own: HTTP 401; past its sidecar",
        lambda facts: with_exchanges(
            facts, "agent-stranger", lambda e: replace(e, answer=replace(OK, http_code=401), lines=())
        ),
    ),
    ("MV601", "shop/billing-1 has no sidecar", pod("billing-1", sidecar=False)),
    ("MV601", "shop/billing-1 is not ready", pod("billing-1", ready=False)),
    ("MV601", "shop/billing has no pod", pod("billing-1", gone=True)),
    ("MV602", "billing-1 is of revision 1-30-0", pod("billing-1", revision="1-30-0")),
    ("MV602", "no webhook injects for revision 1-31-1", without("MutatingWebhookConfiguration", "", "1-31-1")),
    ("MV603", "is 1.30.0, its istiod 1.31.1", proxy(version="1.30.0")),
    ("MV604", "Cluster STALE", proxy(stale=("Cluster STALE",))),
    ("MV604", "not connected", lambda facts: replace(facts, proxies=())),
    ("MV605", "no trafficPolicy.tls.mode", another("DestinationRule", "shop", "loose", spec=_RULE)),
    (
        "MV605",
        "subsets[v2].trafficPolicy.tls.mode",
        another(
            "DestinationRule",
            "shop",
            "loose",
            spec={
                **_RULE,
                "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
                "subsets": [{"name": "v2", "trafficPolicy": {"tls": {}}}],
            },
        ),
    ),
    (
        "MV605",
        "portLevelSettings[8080].tls.mode",
        another(
            "DestinationRule",
            "shop",
            "loose",
            spec={
                **_RULE,
                "trafficPolicy": {
                    "tls": {"mode": "ISTIO_MUTUAL"},
                    "portLevelSettings": [{"port": {"number": 8080}, "connectionPool": {}}],
                },
            },
        ),
    ),
    ("MV606", "istio-system/default: it does not exist", without("PeerAuthentication", "istio-system", "default")),
    (
        "MV606",
        "says PERMISSIVE where STRICT must hold",
        another("PeerAuthentication", "shop", "loose", spec={"mtls": {"mode": "PERMISSIVE"}}),
    ),
    (
        "MV606",
        "says DISABLE where STRICT must hold",
        another("PeerAuthentication", "shop", "port", spec={"portLevelMtls": {"8080": {"mode": "DISABLE"}}}),
    ),
    (
        "MV607",
        "istio.io/rev is other, not 1-31-1",
        set_value("Namespace", "", "shop", "metadata", "labels", value={"istio.io/rev": "other"}),
    ),
    (
        "MV607",
        "; Flux (Kustomization flux-system/shop) owns it: the label belongs into its Git",
        set_value(
            *("Namespace", "", "shop", "metadata", "labels"),
            value={"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
        ),
    ),
    ("MV607", "namespace shop does not exist", without("Namespace", "", "shop")),
    (
        "MV608",
        "AuthorizationPolicy shop/billing: it does not exist",
        without("AuthorizationPolicy", "shop", "billing"),
    ),
    (
        "MV608",
        "spec.action is",
        set_value("AuthorizationPolicy", "shop", "billing", "spec", "action", value="DENY"),
    ),
    (
        "MV608",
        "AuthorizationPolicy shop/billing is only tried out (istio.io/dry-run)",
        set_value(
            "AuthorizationPolicy", "shop", "billing", "metadata", "annotations", value={"istio.io/dry-run": "true"}
        ),
    ),
    (
        "MV608",
        "is not of the program and says ALLOW",
        another("AuthorizationPolicy", "shop", "door", spec=_ANYONE),
    ),
    (
        "MV609",
        "VirtualService shop/frontend: spec.http[0].route[0].destination.host is",
        set_value(
            "VirtualService",
            "shop",
            "frontend",
            "spec",
            "http",
            value=[{"name": "frontend", "route": [{"destination": {"host": "elsewhere", "port": {"number": 8080}}}]}],
        ),
    ),
    (
        "MV609",
        "claims app.test.example.com too",
        another(
            "VirtualService",
            "other",
            "thief",
            spec={"hosts": ["app.test.example.com"], "gateways": ["istio-ingress/istio-shared-gateway"]},
        ),
    ),
    (
        "MV610",
        "listens on the shared gateway's pods too",
        another("Gateway", "other", "second", spec={"selector": {"istio": "ingressgateway"}}),
    ),
    (
        "MV611",
        "opens evil.example.net",
        another("ServiceEntry", "shop", "x", spec={"hosts": ["evil.example.net"]}),
    ),
    (
        "MV612",
        "is not issued",
        set_value("Certificate", "istio-ingress", "istio-shared-gateway-tls", "status", "conditions", value=[]),
    ),
    (
        "MV612",
        "should have been renewed",
        set_value(
            "Certificate",
            "istio-ingress",
            "istio-shared-gateway-tls",
            "status",
            "renewalTime",
            value="2026-11-01T00:00:00Z",
        ),
    ),
    ("MV613", "the settings say ghcr.io/example/billing:v1", pod("billing-1", images=("ghcr.io/example/billing:v2",))),
    ("MV614", "proxyv2 1.30.0 in 1 pods", pod("billing-1", images=("docker.io/istio/proxyv2:1.30.0",))),
    ("MV615", "mesh-mutual-tls: it does not exist", without("DestinationRule", "istio-system", "mesh-mutual-tls")),
    (
        "MV615",
        "says DISABLE for ledger",
        another("DestinationRule", "shop", "x", spec={**_RULE, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
    ),
    ("MV616", "can only let more pass", another("NetworkPolicy", "shop", "x", spec={"podSelector": {}})),
    (
        "MV617",
        "switches an access log off",
        another("Telemetry", "shop", "quiet", spec={"accessLogging": [{"disabled": True}]}),
    ),
    ("MV618", "it has no address", set_value("Ingress", "istio-ingress", "istio-ingressgateway", "status", value={})),
    ("MV618", "does not exist", without("Ingress", "istio-ingress", "istio-ingressgateway")),
    ("MV619", "Error IST0101 Gateway shop/x: something", analyzed(level="Error")),
    ("MV628", "shop/billing-1 calls istiod-1-30-0, which does not answer", pod("billing-1", revision="1-30-0")),
    (
        "MV628",
        "shop/billing-1 calls istiod-1-31-1, which does not",
        without("Service", "istio-system", "istiod-1-31-1"),
    ),
    ("MV628", "shop/billing-1 calls istiod-1-31-1, which does not", pod("istiod-1", ready=False)),
    ("MV620", "mesh-pods: it does not exist", without("ValidatingAdmissionPolicy", "", "mesh-pods")),
    (
        "MV620",
        "ValidatingAdmissionPolicyBinding mesh-istio: spec.validationActions[0] is",
        set_value(
            "ValidatingAdmissionPolicyBinding", "", "mesh-istio", "spec", "validationActions", value=["Warn", "Audit"]
        ),
    ),
    (
        "MV620",
        "ClusterRole mesh-tenant: its rules are others",
        set_value("ClusterRole", "", "mesh-tenant", "rules", value=[]),
    ),
    (
        "MV620",
        "ValidatingAdmissionPolicy mesh-pods: spec.matchConditions was added",
        set_value("ValidatingAdmissionPolicy", "", "mesh-pods", "spec", "matchConditions", value=[{"name": "never"}]),
    ),
    ("MV621", "pod-uid (a pod with the sidecar's uid): admitted", attempted("pod-uid")),
    (
        "MV621",
        "deployment (a Deployment as it should be): refused by mesh-workloads",
        attempted("deployment", "refused"),
    ),
    ("MV622", "label-of-another", attempted("label-of-another")),
    ("MV623", "no-network-policy (deletes default-deny): admitted", attempted("no-network-policy")),
    ("MV624", "exec (exec into a pod of billing): admitted", attempted("exec")),
    ("MV631", "API_KEY is missing", environment(sources={"URL": "database/url"})),
    ("MV631", "API_KEY stands in the Deployment in the clear", source("API_KEY", "")),
    ("MV631", "URL comes from another/url, not from database/url", source("URL", "another/url")),
    ("MV631", "there is no Secret database with the key url", environment(keys={**ENVIRONMENT.keys, "database": ()})),
    ("MV631", "billing-1 runs with the secrets from before", environment(behind=("billing-1",))),
    (
        "MV632",
        "istio-system/istiod does not scale Deployment istiod: FailedGetResourceMetric: no metrics API",
        autoscaler("istiod", active=False, why="FailedGetResourceMetric: no metrics API"),
    ),
    ("MV632", "shop/frontend scales from 2 to 9, not from 2 to 4", autoscaler("frontend", most=9)),
    ("MV632", "shop/frontend has no autoscaler", autoscaler("frontend", name="another")),
    ("MV619", "Warning IST0103 Pod shop/billing-1", analyzed(code="IST0103", origin="Pod shop/billing-1")),
)
