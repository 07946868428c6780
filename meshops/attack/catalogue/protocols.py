"""MA6xx: TLS, protocols and upgrades at the edge, and requests that two parties read differently."""

from __future__ import annotations

from collections.abc import Callable

from meshops.attack import http, judging
from meshops.attack.catalogue.requests import forbidden
from meshops.attack.entry import attempt
from meshops.attack.ground import BESIDE, INTERNET, OUTSIDER, Ground
from meshops.attack.model import Answer, Attempt, Outcome, Position, Shot, Step, Wall
from meshops.attack.shots import raw, to_alb, to_application, to_gateway
from meshops.attack.wire import h2

_MORE = "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

# (id, in words, the request that carries another): `{S}` is the second request, `{L}` its length, `{X}` in hexadecimal,
# `{H}` and `{P}` host and path of the first.
PAIRS: tuple[tuple[int, str, str], ...] = (
    (601, "CL.TE", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: {T}\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n{S}"),
    (602, "TE.CL", "GET {P} HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
     "{X}\r\n{S}\r\n0\r\n\r\n"),
    (603, "TE.TE, a second value", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: 4\r\nTransfer-Encoding: "
                                   "chunked\r\n"
     "Transfer-Encoding: identity\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n"),
    (604, "TE with a space before the colon", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: {T}\r\n"
     "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{S}"),
    (605, "TE with a tab", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: {T}\r\nTransfer-Encoding:\tchunked\r\n\r\n"
     "0\r\n\r\n{S}"),
    (606, "TE, xchunked", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: {T}\r\nTransfer-Encoding: xchunked\r\n\r\n"
     "0\r\n\r\n{S}"),
    (607, "Content-Length twice", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: 0\r\nContent-Length: "
                                  "{L}\r\n\r\n{S}"),
    (608, "Content-Length with a sign", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: +0\r\n\r\n{S}"),
    (609, "Content-Length as a list", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: 0, {L}\r\n\r\n{S}"),
    (610, "bare line feeds", "GET {P} HTTP/1.1\nHost: {H}\n\n{S}"),
    (611, "a bare carriage return", "GET {P} HTTP/1.1\r\nHost: {H}\r\nX: y\rGET {F} HTTP/1.1\rHost: {I}\r\n\r\n{S}"),
    (612, "a folded field", "GET {P} HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: "
                            "{T}\r\n\r\n"
     "0\r\n\r\n{S}"),
    (613, "a chunk's extension with line ends", "GET {P} HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1;a=\n{X}\r\nx\r\n0\r\n\r\n{S}"),
    (614, "a chunk's length too long", "GET {P} HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n"
     "10000000000000000\r\n{S}"),
    (615, "a body that nobody announced", "GET {P} HTTP/1.1\r\nHost: {H}\r\nContent-Length: 0\r\n\r\n{S}"),
    (616, "Expect", "GET {P} HTTP/1.1\r\nHost: {H}\r\nExpect: 100-continue\r\nContent-Length: {L}\r\n\r\n{S}"),
    (617, "HTTP/1.0 with chunks", "GET {P} HTTP/1.0\r\nHost: {H}\r\nConnection: keep-alive\r\nTransfer-Encoding: "
                                  "chunked"
     "\r\n\r\n0\r\n\r\n{S}"),
    (618, "a null in a field", "GET {P} HTTP/1.1\r\nHost: {H}\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n{S}"),
    (619, "an upgrade before the second", "GET {P} HTTP/1.1\r\nHost: {H}\r\nConnection: Upgrade\r\nUpgrade: "
                                          "websocket\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n{S}"),
)  # fmt: skip


def carrying(form: str, *, host: str, path: str, other_host: str, other_path: str) -> str:
    second = _MORE.format(host=other_host, path=other_path)
    return form.format(
        S=second, L=len(second), X=f"{len(second):x}", T=len(second) + 5, H=host, P=path, I=other_host, F=other_path
    )


def _smuggled(ground: Ground, form: str) -> list[Shot]:
    """By the entitled caller for what it may not ask for; by a client of the internet for what is internal."""
    target = ground.target
    if target is None or not ground.pod_ip(target):
        return []
    text = carrying(form, host=target.authority, path=target.path, other_host=target.authority,
                    other_path=forbidden(target))  # fmt: skip
    shots = [
        to_application(ground, place, target, text) for place in (ground.caller(target), ground.past_as_caller(target))
    ]
    if ground.public_host:
        text = carrying(form, host=ground.public_host, path="/", other_host=target.authority, other_path=target.path)
        shots += [to_alb(ground, text)] if ground.alb else []
        shots += to_gateway(ground, BESIDE, text)
    return shots


def _nothing_carried(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """The caller gets its own answer at most; the internet none of an internal application's."""
    found = http.responses(answer.received)
    inside = step.place.client is not None and step.place.client.namespace if isinstance(step, Shot) else False
    for item in found:
        known = judging.leaked(ground, item.body)
        if bool(known) != bool(inside) and 0 < item.status < 300 and (known or item is not found[0]):
            return judging.succeeded(answer, f"{known or 'a second request'} answered")
    return judging.refused(answer)


def _pair(number: int, words: str, form: str) -> Attempt:
    return attempt(
        f"MA{number}", position="neighbour", name=f"Smuggling: {words}",
        tries="One request that carries another: by the entitled caller for another path, by the internet for an "
              "internal "
        f"application ({words}).",
        must="The second is never answered.", wall="sidecar", steps=lambda ground: _smuggled(ground, form),
        judge=_nothing_carried, severity="critical",
    )  # fmt: skip


def _alb(*texts: str, **more: str) -> Callable[[Ground], list[Shot]]:
    """To the ALB. `P`, `I`, `N`, `Q`: the public host, an internal one, its port, its path."""

    def steps(ground: Ground) -> list[Shot]:
        return [to_alb(ground, _filled(ground, text)) for text in texts] if ground.alb and ground.target else []

    return steps


def _filled(ground: Ground, text: str) -> str:
    target = ground.target
    assert target is not None
    return (
        text.replace("{P}", ground.public_host).replace("{I}", target.host).replace("{N}", str(target.port))
        .replace("{Q}", target.path)
    )  # fmt: skip


def _gateway(*texts: str) -> Callable[[Ground], list[Shot]]:
    def steps(ground: Ground) -> list[Shot]:
        if not ground.target or not ground.public_host:
            return []
        return [shot for text in texts for shot in to_gateway(ground, BESIDE, _filled(ground, text))]

    return steps


def _wrong(*texts: str) -> Callable[[Ground], list[Shot]]:
    """By a wrong identity, through its sidecar and past it."""

    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        if target is None or not ground.pod_ip(target):
            return []
        return [
            to_application(ground, place, target, _filled(ground, text))
            for place in (ground.impostor(target), ground.past(target))
            for text in texts
        ]

    return steps


def _older(version: str) -> Callable[[Ground], list[Shot]]:
    def steps(ground: Ground) -> list[Shot]:
        tls = {"sni": ground.public_host or None, "max": version}
        shots = [raw(INTERNET, ground.alb, 443, tls=tls, said=version)] if ground.alb else []
        return [*shots, *(raw(BESIDE, pod.ip, 443, tls=tls, said=version) for pod in ground.gateways[:1])]

    return steps


def _names(ground: Ground) -> list[Shot]:
    """SNI and Host that disagree."""
    if not (ground.alb and ground.target):
        return []
    text = http.request(ground.target.authority, ground.target.path)
    return [to_alb(ground, text, sni=sni) for sni in ("", None, ground.target.host, "meshops-attack.invalid")]


def _nlb(ground: Ground) -> list[Shot]:
    if not ground.nlb or not ground.public_host:
        return []
    text = http.request(ground.public_host, "/", headers=(("X-Forwarded-For", "198.51.100.77"),))
    return [
        raw(INTERNET, ground.nlb, 443, text, tls={"sni": sni}, said=f"SNI {sni}, GET / for {ground.public_host}")
        for sni in (ground.public_host, None)
    ]


def _plain_edge(ground: Ground) -> list[Shot]:
    if not ground.alb:
        return []
    text = http.request(ground.public_host, "/")
    return [raw(INTERNET, ground.alb, port, text) for port in (443, 8080, 15021, 15090, 3000)]


def _port_80(ground: Ground) -> list[Shot]:
    return [raw(INTERNET, ground.alb, 80, http.request(ground.public_host, "/"))] if ground.alb else []


def _only_redirects(ground: Ground, step: Step, answer: Answer) -> Outcome:
    if any(0 < item.status < 300 for item in http.responses(answer.received)):
        return judging.succeeded(answer)
    return judging.refused(answer)


_UPGRADE = (
    "GET {Q} HTTP/1.1\r\nHost: {I}:{N}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_H2C = (
    "GET {Q} HTTP/1.1\r\nHost: {I}:{N}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
)
_CONNECT = "CONNECT {I}:{N} HTTP/1.1\r\nHost: {I}:{N}\r\n\r\nGET {Q} HTTP/1.1\r\nHost: {I}:{N}\r\n\r\n"
_OLD = "GET {Q} HTTP/1.0\r\n\r\n"
_OLDER = "GET {Q}\r\n\r\n"


def _row(
    number: int, position: Position, name: str, tries: str, must: str, wall: Wall, steps: Callable[[Ground],
        list[Shot]],
    judge: judging.Judge, *, medium: bool = False,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position=position, name=name, tries=tries, must=must, wall=wall, steps=steps, judge=judge,
        severity="medium" if medium else "high",
    )  # fmt: skip


_PATIENCE = 12.0


def _unfinished(ground: Ground) -> list[Shot]:
    # HTTP/2: a frame HEADERS that says there is more to come, with `:method: GET` in it.
    begun = h2.opening() + h2.frame(h2.HEADERS, 0, 1, b"\x82")
    texts = (f"GET / HTTP/1.1\r\nHost: {ground.public_host}\r\nX-Slow: ", begun.decode("latin-1"))
    return [
        shot
        for text in texts
        for shot in to_gateway(ground, BESIDE, text, seconds=_PATIENCE, quiet=_PATIENCE)
        if ground.public_host
    ]


def _silent(ground: Ground) -> list[Shot]:
    return [raw(BESIDE, pod.ip, 443, seconds=_PATIENCE, quiet=_PATIENCE) for pod in ground.gateways[:1]]


_NONE = "Nothing of the internal application."
ATTEMPTS: tuple[Attempt, ...] = (
    *(_pair(*row) for row in PAIRS),
    _row(630, "internet", "TLS 1.2", "Offers the load balancer, and the gateway, TLS 1.2 at most.",
         "The handshake fails.", "load balancer", _older("TLSv1_2"), judging.no_version),
    _row(631, "internet", "TLS 1.1", "Offers TLS 1.1 at most.", "The handshake fails.", "load balancer",
         _older("TLSv1_1"), judging.no_version),
    _row(632, "internet", "SNI and Host disagree", "Names one host in TLS and an internal one in the request.", _NONE,
         "gateway", _names, judging.no_protected_answer),
    _row(633, "internet", "Plaintext and other ports", "Asks the load balancer in plaintext on 443, 8080, 15021, "
                                                       "15090, "
         "3000.", "No answer below 400.", "load balancer", _plain_edge, judging.no_success),
    _row(634, "internet", "Port 80", "Asks the load balancer in plaintext on 80.", "A redirect and nothing else.",
         "load balancer", _port_80, _only_redirects),
    _row(635, "internet", "HTTP/1.0 and 0.9", "Asks without a Host, as HTTP/1.0 and 0.9.", _NONE, "gateway",
         _alb(_OLD, _OLDER), judging.no_protected_answer),
    _row(636, "internet", "CONNECT", "Asks the load balancer for a tunnel to an internal application.", _NONE,
         "gateway",
         _alb(_CONNECT), judging.no_protected_answer),
    _row(637, "internet", "h2c and WebSocket", "Asks the load balancer to change the protocol, for an internal host.",
         _NONE, "gateway", _alb(_H2C, _UPGRADE), judging.no_protected_answer),
    _row(638, "outsider", "The gateway: CONNECT, upgrades, HTTP/1.0", "The same straight to a gateway's pod.", _NONE,
         "gateway", _gateway(_CONNECT, _H2C, _UPGRADE, _OLD, _OLDER), judging.no_protected_answer),
    _row(639, "outsider", "The gateway, straight from a pod", "Asks a gateway's pod for the public host, with an "
         "X-Forwarded-For of one's own: past the load balancer, its WAF and its log.", "No answer.", "NetworkPolicy",
         lambda ground: to_gateway(ground, OUTSIDER, http.request(
             ground.public_host, "/", headers=(("X-Forwarded-For", "198.51.100.77"),))) if ground.public_host else [],
         judging.no_success, medium=True),
    _row(640, "internet", "The NLB towards the ALB's hosts", "Asks the NLB for a host that is behind the ALB, with its "
         "name in TLS and without.", "No answer.", "gateway", _nlb, judging.no_success),
    _row(641, "neighbour", "CONNECT through a sidecar", "A wrong identity asks for a tunnel to the application.", _NONE,
         "sidecar", _wrong(_CONNECT), judging.no_protected_answer),
    _row(642, "neighbour", "Upgrades by a wrong identity", "A wrong identity asks to change the protocol to h2c and "
         "WebSocket.", _NONE, "policy", _wrong(_H2C, _UPGRADE), judging.no_protected_answer),
    _row(643, "neighbour", "HTTP/1.0 and 0.9 by a wrong identity", "A wrong identity asks without a "
                                                                   "Host.", _NONE, "policy",
         _wrong(_OLD, _OLDER), judging.no_protected_answer),
    _row(644, "outsider", "A request that never ends its headers", "Begins a request to a gateway's pod, over TLS, and "
         "says no more for 12 seconds; the same over HTTP/2.", "The gateway ends the connection.", "gateway",
         _unfinished, judging.let_go, medium=True),
    _row(645, "outsider", "A connection that never begins", "Opens a connection to a gateway's pod and says nothing "
         "for 12 seconds.", "The gateway ends the connection.", "gateway", _silent, judging.let_go, medium=True),
)  # fmt: skip
