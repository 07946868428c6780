"""MLxxx: what must pass beside the attacks, in the forms that attacks resemble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meshops.attack import http, judging
from meshops.attack.catalogue.deploying import ask, created, home, kinds, template
from meshops.attack.catalogue.egress import declared_host, place_of, query, sender
from meshops.attack.entry import legitimate
from meshops.attack.ground import BESIDE, Ground, Resource
from meshops.attack.model import Judge, Legitimate, Position, Shot, Step
from meshops.attack.shots import get, raw, to_alb, to_application
from meshops.attack.wire import h2

Steps = Callable[[Ground], list[Step]]

# (id, in words, path, fields) of the entitled caller. `A`: the declared path.
CALLS: tuple[tuple[int, str, str, tuple[tuple[str, str], ...]], ...] = (
    (102, "with a query", "{A}?account=INV-2041&from=2026-01-01", ()),
    (103, "with an encoded query", "{A}?q=%2e%2e%2f%3Fa%3Db%23c", ()),
    (104, "with a path in its query", "{A}?next=/a/../b//c", ()),
    (105, "with an encoded letter", "{E}", ()),
    (106, "with a dot segment that stays", "/.{A}", ()),
    (107, "with a climb that comes back", "/x/..{A}", ()),
    (108, "with a long query", "{A}?q={L}", ()),
    (110, "with cookies", "{A}", (("Cookie", "session=abc; theme=dark; x=%7B%22a%22%3A1%7D"),)),
    (111, "with an Authorization", "{A}", (("Authorization", "Bearer not-for-the-mesh"),)),
    (112, "with an X-Forwarded-For", "{A}", (("X-Forwarded-For", "203.0.113.9, 10.0.0.1"),)),
    (113, "with a request id", "{A}", (("X-Request-Id", "7f5a2c1e-7c0f-4f9c-9f6e-0d8f5d3c1a2b"),)),
    (114, "with a trace", "{A}", (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)),
    (115, "with conditions", "{A}", (("If-None-Match", '"x"'), ("If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT"))),
    (116, "with a range", "{A}", (("Range", "bytes=0-100000"),)),
    (117, "with languages and encodings", "{A}", (("Accept-Language", "de-CH,de;q=0.9"), ("Accept-Encoding",
         "identity"))),
    (118, "with eight kilobytes of fields", "{A}", (("X-Long", "{L}{L}{L}{L}"),)),
    (119, "with fields in capitals", "{A}", (("ACCEPT", "*/*"), ("X-MIXED-Case", "Yes"))),
    (120, "with a field that is empty", "{A}", (("X-Empty", ""),)),
    (121, "with the same field twice", "{A}", (("Accept", "text/html"), ("Accept", "application/json"))),
    (122, "with UTF-8 in a field", "{A}", (("X-Name", "M\xc3\xbcller"),)),
)  # fmt: skip


def _text(resource: Resource, path: str = "{A}", headers: http.Headers = (), host: str = "", **more: Any) -> str:
    values = {"A": resource.path, "E": _encoded(resource.path), "L": "x" * 2000}
    fields = tuple((name, value.replace("{L}", values["L"])) for name, value in headers)
    return http.request(host or resource.authority, path.format(**values), method=resource.method, headers=fields,
                        **more)  # fmt: skip


def _encoded(path: str) -> str:
    """Its last letter, percent-encoded: the same path by RFC 3986."""
    return f"{path[:-1]}%{ord(path[-1]):02x}"


def _calls(text: Callable[[Resource], str], *, past: bool = False) -> Steps:
    """Each resource by its entitled caller; past: by its certificate alone, which shows that attacks past it arrive."""

    def steps(ground: Ground) -> list[Step]:
        return [
            to_application(ground, ground.past_as_caller(item) if past else ground.caller(item), item, text(item))
            for item in (ground.resources if not past else (ground.target,) if ground.target else ())
            if ground.pod_ip(item)
        ]

    return steps


def _of_target(text: Callable[[Resource], str | tuple[str | float, ...]]) -> Steps:
    def steps(ground: Ground) -> list[Step]:
        target = ground.target
        if target is None:
            return []
        said = text(target)
        parts = (said,) if isinstance(said, str) else said
        return [raw(ground.caller(target), target.host, target.called_port, *parts)]

    return steps


def _public(*texts: Callable[[str], str], sni: str | None = "") -> Steps:
    def steps(ground: Ground) -> list[Step]:
        if not ground.alb or not ground.public_host:
            return []
        return [to_alb(ground, text(ground.public_host), sni=sni) for text in texts]

    return steps


def _public_h2(ground: Ground) -> list[Step]:
    if not ground.alb or not ground.public_host:
        return []
    text = http.request_h2(ground.public_host, "/", scheme="https")
    return [to_alb(ground, text, alpn=("h2",), said="GET / over HTTP/2")]


def _health(ground: Ground) -> list[Step]:
    return [get(BESIDE, pod.ip, 15021, "/healthz/ready") for pod in ground.gateways]


def _declared_hosts(ground: Ground) -> list[Step]:
    member = sender(ground)
    declared = declared_host(member) if member else None
    if member is None or declared is None or "*" in declared.destination:
        return []
    text = http.request(declared.destination)
    return [raw(place_of(member), declared.destination, declared.port, text, tls={"sni": declared.destination})]


def _lookups(tcp: bool) -> Steps:
    def steps(ground: Ground) -> list[Step]:
        member, target = sender(ground), ground.target
        if member is None or target is None or not ground.dns_service:
            return []
        message = query(target.host)
        text = f"\0{chr(len(message))}{message}" if tcp else message
        return [raw(place_of(member), ground.dns_service, 53, text, udp=not tcp, said=f"DNS: {target.host}")]

    return steps


def _declared_lookup(ground: Ground) -> list[Step]:
    member = sender(ground)
    declared = declared_host(member) if member else None
    if member is None or declared is None or "*" in declared.destination:
        return []
    return [
        Shot(place=place_of(member), task={"resolve": declared.destination}, said=f"looks up {declared.destination}")
    ]


def _found(ground: Ground, step: Step, answer: judging.Answer) -> judging.Outcome:
    found = judging.no_lookup(ground, step, answer)
    return judging.Outcome(result="succeeded" if found.result == "succeeded" else "refused", why=found.why)


def _tenant(*changes: dict[str, object]) -> Steps:
    def steps(ground: Ground) -> list[Step]:
        return [created(ground, item, said="an ordinary workload") for change in changes
                for item in kinds(home(ground), template(**change))[1:]]  # fmt: skip

    return steps


def _tenants_object(version: str, kind: str, body: dict[str, object]) -> Steps:
    def steps(ground: Ground) -> list[Step]:
        item = {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "meshops-attack", "namespace": home(ground)},
            **body,
        }
        return [created(ground, item, said="an ordinary one")]

    return steps


def _reads(ground: Ground) -> list[Step]:
    return [ask(ground, "get", kinds, f"--namespace={home(ground)}", "--output=name") for kinds in ("pods", "services")]


_WHO: dict[Position, str] = {
    "internet": "Internet",
    "neighbour": "Caller",
    "tenant": "Tenant",
    "outsider": "Health check",
}


def _row(number: int, position: Position, name: str, steps: Steps, judge: Judge | None = None) -> Legitimate:
    where: str = {"internet": "A client of the internet", "neighbour": "The entitled caller", "tenant": "A tenant",
             "outsider": "The load balancer's health check"}[position]  # fmt: skip
    return legitimate(
        f"ML{number}", position=position, name=f"{_WHO[position]}: {name}",
        tries=f"{where}: {name}.", steps=steps, judge=judge or judging.passed(),
    )  # fmt: skip


def _body_h2(resource: Resource) -> str:
    fields = ((":method", "GET"), (":scheme", "http"), (":path", resource.path), (":authority", resource.authority))
    return (h2.opening() + h2.request(fields)).decode("latin-1")


_SLOW: tuple[float, ...] = (0.3,)


def _in_pieces(resource: Resource) -> tuple[str | float, ...]:
    text = _text(resource)
    middle = len(text) // 2
    return text[:middle], *_SLOW, text[middle:]


ENTRIES: tuple[Legitimate, ...] = (
    _row(101, "neighbour", "the declared call", _calls(_text), judging.passed(200)),
    *(
        _row(number, "neighbour", words, _of_target(lambda item, path=path, headers=headers: _text(item, path,
             headers)),
             judging.passed(200, 204, 206, 304))
        for number, words, path, headers in CALLS
    ),
    _row(109, "neighbour", "by its own certificate, past its sidecar", _calls(_text, past=True), judging.passed(200)),
    _row(123, "neighbour", "two requests on one connection",
         _of_target(lambda item: (_text(item, close=False), 0.3, _text(item))), judging.passed(200)),
    _row(124, "neighbour", "two requests at once (pipelined)",
         _of_target(lambda item: _text(item, close=False) + _text(item)), judging.passed(200)),
    _row(125, "neighbour", "a request in pieces", _of_target(_in_pieces), judging.passed(200)),
    _row(126, "neighbour", "a short name for Host", _of_target(
        lambda item: _text(item, host=f"{item.callee.name}.{item.callee.namespace.name}:{item.port}")),
            judging.passed(200)),
    _row(127, "neighbour", "Host in capitals", _of_target(lambda item: _text(item, host=item.authority.upper())),
         judging.passed(200)),
    _row(128, "neighbour", "a User-Agent of a browser", _of_target(
        lambda item: _text(item, agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")), judging.passed(200)),
    _row(129, "neighbour", "HTTP/2 in plaintext to its sidecar", _of_target(_body_h2)),
    _row(130, "neighbour", "a declared host outside", _declared_hosts),
    _row(131, "neighbour", "a name of the mesh, UDP", _lookups(tcp=False), _found),
    _row(132, "neighbour", "a name of the mesh, TCP", _lookups(tcp=True), _found),
    _row(133, "neighbour", "the name of a declared host", _declared_lookup, judging.connected),
    _row(201, "internet", "the public page", _public(lambda host: http.request(host)), judging.passed(200)),
    _row(202, "internet", "over HTTP/2", _public_h2, judging.passed(200)),
    _row(203, "internet", "with a query", _public(lambda host: http.request(host, "/?a=1&b=..%2f")),
         judging.passed(200)),
    _row(204, "internet", "Host with its port", _public(lambda host: http.request(f"{host}:443")), judging.passed(200)),
    _row(205, "internet", "Host in capitals", _public(lambda host: http.request(host.upper())), judging.passed(200)),
    _row(206, "internet", "HEAD", _public(lambda host: http.request(host, method="HEAD")), judging.passed(200, 404)),
    _row(207, "internet", "without a name in TLS", _public(lambda host: http.request(host), sni=None),
         judging.passed(200)),
    _row(208, "internet", "with an X-Forwarded-For", _public(
        lambda host: http.request(host, headers=(("X-Forwarded-For", "203.0.113.9"),))), judging.passed(200)),
    _row(209, "internet", "with cookies", _public(
        lambda host: http.request(host, headers=(("Cookie", "session=abc"),))), judging.passed(200)),
    _row(210, "internet", "with a trace", _public(lambda host: http.request(host, headers=(
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),))), judging.passed(200)),
    _row(211, "internet", "a page that does not exist", _public(lambda host: http.request(host, "/meshops-none")),
         judging.passed(404, 200)),
    _row(212, "internet", "from port 80 to HTTPS", lambda ground: [
        raw(to_alb(ground, "").place, ground.alb, 80, http.request(ground.public_host))] if ground.alb else [],
         judging.passed(301, 308)),
    _row(213, "internet", "two requests on one connection", lambda ground: [to_alb(ground, (
        http.request(ground.public_host, close=False), 0.3, http.request(ground.public_host)))] if ground.alb else [],
         judging.passed(200)),
    _row(214, "outsider", "15021 of the gateway", _health, judging.passed(200)),
    _row(301, "tenant", "an ordinary Deployment and CronJob", _tenant({}), judging.allowed),
    _row(302, "tenant", "a Deployment with labels of its own", _tenant({"labels": {"team": "a", "version": "v1"}}),
         judging.allowed),
    _row(303, "tenant", "a Deployment that scrapes itself", _tenant({"annotations": {"example.org/owner": "a"}}),
         judging.allowed),
    _row(304, "tenant", "a ConfigMap", _tenants_object("v1", "ConfigMap", {"data": {"a": "b"}}), judging.allowed),
    _row(305, "tenant", "a Secret", _tenants_object("v1", "Secret", {"stringData": {"a": "b"}}), judging.allowed),
    _row(306, "tenant", "a Service of its own pods", _tenants_object("v1", "Service", {
        "spec": {"selector": {"app": "meshops-attack"}, "ports": [{"port": 80}]}}), judging.allowed),
    _row(307, "tenant", "reading its own", _reads, judging.allowed),
)  # fmt: skip
