"""MA4xx: methods, forms of a path, forms of a host, by somebody who may ask, but not that."""

from __future__ import annotations

from collections.abc import Callable

from meshops.attack import http, judging
from meshops.attack.entry import attempt
from meshops.attack.ground import BESIDE, Ground, Resource
from meshops.attack.model import Attempt, Shot, Step
from meshops.attack.place import Place
from meshops.attack.shots import to_alb, to_application, to_gateway

# (id, method, whether it only reads).
METHODS: tuple[tuple[int, str, bool], ...] = (
    (401, "POST", False),
    (402, "PUT", False),
    (403, "DELETE", False),
    (404, "PATCH", False),
    (405, "OPTIONS", True),
    (406, "TRACE", True),
    (407, "HEAD", True),
    (408, "get", True),
    (409, "GeT", True),
    (410, "PROPFIND", True),
    (411, "GET;", True),
    (412, "MESHOPS", True),
)

# (id, in words, path): `A` the declared path, `F` one that the application has and nobody may ask for.
PATHS: tuple[tuple[int, str, str], ...] = (
    (420, "plain", "{F}"),
    (421, "climbing out of the declared path", "{A}/..{F}"),
    (422, "climbing further than the root", "{A}/../../../..{F}"),
    (423, "encoded dots", "{A}/%2e%2e/%2e%2e{F}"),
    (424, "half-encoded dots", "{A}/.%2e/.%2E{F}"),
    (425, "encoded slashes", "{A}/..%2f..%2f{f}"),
    (426, "encoded slashes, capital", "{A}%2F..%2F..%2F{f}"),
    (427, "backslashes", "{A}\\..\\..\\{f}"),
    (428, "encoded backslashes", "{A}%5c..%5c..%5c{f}"),
    (429, "dots encoded twice", "{A}/%252e%252e/%252e%252e{F}"),
    (430, "slashes encoded twice", "{A}/..%252f..%252f{f}"),
    (431, "a parameter", "{A}/..;/..;{F}"),
    (432, "a parameter with a climb", "{A};x=/../..{F}"),
    (433, "two slashes", "/{F}"),
    (434, "a slash, a dot, a slash", "/.{F}"),
    (435, "a fragment", "{A}#/../..{F}"),
    (436, "an encoded fragment", "{A}%23/../..{F}"),
    (437, "an encoded question mark", "{F}%3f{A}"),
    (438, "an encoded null", "{F}%00{A}"),
    (439, "an absolute URI", "http://{H}{F}"),
    (440, "an absolute URI with a climb", "http://{H}{A}/../..{F}"),
    (441, "an overlong dot", "{A}/%c0%ae%c0%ae/%c0%ae%c0%ae{F}"),
    (442, "a full-width slash", "{A}/..%ef%bc%8f..%ef%bc%8f{f}"),
    (443, "capital letters", "{U}"),
    (444, "a slash at the end", "{F}/"),
    (445, "a tab", "{A}/\t/../..{F}"),
)


def forbidden(resource: Resource) -> str:
    """A path that the application has, and that no declared caller may ask for."""
    application = resource.callee.application
    return next(path for path in (application.readiness_path, application.liveness_path, "/") if path != resource.path)


def spelled(resource: Resource, form: str) -> str:
    path = forbidden(resource)
    return form.format(A=resource.path, F=path, f=path.lstrip("/"), H=resource.authority, U=path.upper())


def _both(ground: Ground, text: Callable[[Resource], str]) -> list[Shot]:
    """By the entitled caller, through its sidecar and past it: what it may not, the server's side must refuse."""
    target = ground.target
    if target is None or not ground.pod_ip(target):
        return []
    places: tuple[Place, ...] = (ground.caller(target), ground.past_as_caller(target))
    return [to_application(ground, place, target, text(target)) for place in places]


def _method(number: int, method: str, reads_only: bool) -> Attempt:
    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        declared = _methods(target) if target else set()
        if not declared or method in declared:
            return []
        return _both(ground, lambda resource: http.request(resource.authority, resource.path, method=method))

    return attempt(
        f"MA{number}", position="neighbour", name=f"Method {method!r}",
        tries=f"The entitled caller asks for its path with {method!r}, which is not declared, through its sidecar and "
        "past it.",
        must="No answer below 400.", wall="policy", steps=steps, judge=judging.no_success, reads_only=reads_only,
    )  # fmt: skip


def _methods(resource: Resource) -> set[str]:
    return {
        method
        for caller in resource.callee.application.callers
        if caller.application.rpartition("/")[2] == resource.caller.name
        for method in caller.methods or ()
    }


def _path(number: int, words: str, form: str) -> Attempt:
    def steps(ground: Ground) -> list[Shot]:
        return _both(ground, lambda resource: http.request(resource.authority, spelled(resource, form)))

    shown = form.replace("{A}", "/declared").replace("{F}", "/other").replace("{f}", "other")
    return attempt(
        f"MA{number}", position="neighbour", name=f"A path: {words}",
        tries=f"The entitled caller asks for a path that is not declared, as {shown!r}.",
        must="No answer below 400, unless it is the declared path's.", wall="policy", steps=steps,
        judge=judging.no_other_answer,
    )  # fmt: skip


# (id, in words, what stands for Host). `P` the public host, `I` an internal application's.
HOSTS: tuple[tuple[int, str, str], ...] = (
    (450, "an internal application", "{I}"),
    (451, "an internal application with its port", "{I}:{N}"),
    (452, "nobody's", "meshops-attack.invalid"),
    (453, "the public host below another domain", "{P}.meshops-attack.invalid"),
    (454, "another name below the public host", "meshops-attack.{P}"),
    (455, "a port that is none", "{P}:meshops"),
    (456, "a port, and somebody else", "{P}:443@meshops-attack.invalid"),
    (457, "a user before somebody else", "{P}@meshops-attack.invalid"),
    (458, "localhost", "localhost"),
    (459, "an address", "{A}"),
    (460, "the public host, a space, another", "{P} {I}"),
    (461, "the public host, a comma, another", "{P},{I}"),
)


def host_of(ground: Ground, form: str) -> str:
    target = ground.target
    return form.format(
        P=ground.public_host, I=target.host if target else "internal", N=target.port if target else 80, A=ground.alb
    )


def _to_edge(ground: Ground, text: str) -> list[Step]:
    """By the ALB, and straight to the gateway as the ALB would."""
    shots: list[Step] = [to_alb(ground, text)] if ground.alb and ground.public_host else []
    return [*shots, *to_gateway(ground, BESIDE, text)]


def _host(number: int, words: str, form: str) -> Attempt:
    return attempt(
        f"MA{number}", position="internet", name=f"A host: {words}",
        tries=f"Asks the load balancer, and the gateway, for Host {form!r} (P: the public host, I: an internal one).",
        must="No answer below 400.", wall="gateway",
        steps=lambda ground: _to_edge(ground, http.request(host_of(ground, form), "/")) if ground.public_host else [],
        judge=judging.no_success, severity="medium" if number in (455, 456) else "high",
    )  # fmt: skip


def _disagreeing(ground: Ground) -> list[Step]:
    """Two names in one request: whatever is believed, it must not be the internal one."""
    target = ground.target
    if target is None or not ground.public_host:
        return []
    public, internal, path = ground.public_host, target.authority, target.path
    texts = (
        http.request(public, f"http://{internal}{path}"),
        http.request(internal, f"https://{public}{path}"),
        http.request(public, path, headers=(("Host", internal),)),
        http.request(internal, path, headers=(("Host", public),)),
        http.request(public, path, headers=(("X-Forwarded-Host", internal), ("X-Host", internal))),
        http.request(public, path, headers=(("Forwarded", f"host={internal}"),)),
        http.request(public, path, headers=((" Host", internal),)),
        http.request(public, path, headers=(("Host ", internal),)),
        http.request(public, path, headers=((":authority", internal),)),
    )
    return [step for text in texts for step in _to_edge(ground, text)]


def _authority(ground: Ground) -> list[Step]:
    """HTTP/2, where :authority and host may differ."""
    target = ground.target
    if target is None or not ground.public_host or not ground.alb:
        return []
    pairs = (
        (ground.public_host, (("host", target.authority),)),
        (target.authority, (("host", ground.public_host),)),
        (target.authority, ()),
    )
    return [
        to_alb(ground, http.request_h2(host, target.path, scheme="https", headers=headers), alpn=("h2",),
               said=f"HTTP/2, :authority {host}, {headers}")
        for host, headers in pairs
    ]  # fmt: skip


def _wrong_host_inside(ground: Ground) -> list[Shot]:
    """An impostor with the Host of somebody whom it may call."""
    target = ground.target
    if target is None:
        return []
    names = (ground.public_host, f"{target.callee.name}", f"{target.host}.", target.authority.upper(), "localhost")
    return [
        to_application(ground, place, target, http.request(name, target.path))
        for place in (ground.impostor(target), ground.past(target))
        for name in names
        if name and ground.pod_ip(target)
    ]


ATTEMPTS: tuple[Attempt, ...] = (
    *(_method(*row) for row in METHODS),
    *(_path(*row) for row in PATHS),
    *(_host(*row) for row in HOSTS),
    attempt(
        "MA462", position="internet", name="Two hosts in one request",
        tries="Names the public host and an internal one: absolute URI, two Host headers, X-Forwarded-Host, Forwarded.",
        must="Nothing of the internal application.", wall="gateway", steps=_disagreeing,
        judge=judging.no_protected_mark, severity="critical",
    ),
    attempt(
        "MA463", position="internet", name="HTTP/2: :authority and host differ",
        tries="Names the public host in one and an internal one in the other.",
        must="Nothing of the internal application.", wall="gateway", steps=_authority,
        judge=judging.no_protected_mark, severity="critical",
    ),
    attempt(
        "MA464", position="neighbour", name="A wrong identity under other names",
        tries="Asks for the resource under the public host, a short name, a trailing dot, capitals, localhost.",
        must="403, or no answer.", wall="policy", steps=_wrong_host_inside, judge=judging.no_protected_answer,
        severity="critical",
    ),
)  # fmt: skip
