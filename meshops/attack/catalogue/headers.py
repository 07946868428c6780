"""MA5xx: header fields that say who one is or where one wanted to go, and what the audit log makes of them."""

from __future__ import annotations

from collections.abc import Callable

from meshops.attack import http, judging
from meshops.attack.catalogue.requests import forbidden
from meshops.attack.entry import attempt
from meshops.attack.ground import Ground
from meshops.attack.model import Attempt, Judge, Shot
from meshops.attack.shots import to_alb, to_application

_FORGED_PATH = "/meshops-forged-path"
_FORGED_ADDRESS = "198.51.100.77"
_FORGED_ID = "meshops-forged-id"
_FORGED_TRACE = "4d4553484f5053464f524745442d3031"


def _xfcc(ground: Ground) -> str:
    target = ground.target
    return f"By=spiffe://x;Hash=0;URI=spiffe://{ground.stack.principal(target.caller)}" if target else ""


# (id, in words, fields), sent by a wrong identity that asks for the protected path. `F`: a path nobody may ask for,
# `A`: the declared one, `X`: the caller's identity as an XFCC, `C`: the caller's, `H`: the resource's host.
FIELDS: tuple[tuple[int, str, tuple[tuple[str, str], ...]], ...] = (
    (501, "X-Forwarded-Client-Cert of the caller", (("X-Forwarded-Client-Cert", "{X}"),)),
    (502, "XFCC twice", (("X-Forwarded-Client-Cert", "{X}"), ("x-forwarded-client-cert", "{X}"))),
    (503, "x-envoy-original-path", (("x-envoy-original-path", "{A}"),)),
    (504, "x-envoy-original-dst-host", (("x-envoy-original-dst-host", "{H}"),)),
    (505, "X-Original-URL and X-Rewrite-URL", (("X-Original-URL", "{A}"), ("X-Rewrite-URL", "{A}"))),
    (506, "x-envoy-internal and trusted hops", (("x-envoy-internal", "true"), ("x-forwarded-for", "127.0.0.1"))),
    (507, "a peer's metadata", (("x-envoy-peer-metadata-id", "sidecar~1"), ("x-envoy-peer-metadata", "AAAA"))),
    (508, "method overrides", (("X-HTTP-Method-Override", "GET"), ("X-Method-Override", "GET"))),
    (509, "identity headers of other proxies", (("X-Forwarded-User", "{C}"), ("X-SSL-Client-S-DN", "{C}"),
                                               ("X-Spiffe-Id", "{C}"), ("X-Client-Verify", "SUCCESS"))),
    (510, "a bearer token nobody issued", (("Authorization", "Bearer e30.e30."),)),
    (511, "underscores for hyphens", (("x_forwarded_client_cert", "{X}"), ("x_envoy_original_path", "{A}"))),
    (512, "hop-by-hop fields", (("Connection", "x-forwarded-client-cert, x-forwarded-for, close"),)),
    (513, "decorator and retry fields", (("x-envoy-decorator-operation", "x"), ("x-envoy-retry-on",
         "5xx,gateway-error"),
                                         ("x-envoy-max-retries", "50"), ("x-envoy-upstream-rq-timeout-ms", "1"))),
)  # fmt: skip


def _fields(number: int, words: str, fields: tuple[tuple[str, str], ...]) -> Attempt:
    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        if target is None or not ground.pod_ip(target):
            return []
        values = {
            "F": forbidden(target), "A": target.path, "X": _xfcc(ground), "H": target.authority,
            "C": ground.stack.principal(target.caller),
        }  # fmt: skip
        headers = tuple((name, value.format(**values)) for name, value in fields)
        text = http.request(target.authority, target.path, headers=headers)
        return [
            to_application(ground, place, target, text, said=f"GET {target.path} with {headers}")
            for place in (ground.impostor(target), ground.past(target))
        ]

    return attempt(
        f"MA{number}", position="neighbour", name=f"Fields: {words}",
        tries=f"A wrong identity asks for the resource with {', '.join(name for name, _ in fields)}, through its "
              f"sidecar "
        "and past it.",
        must="403, or no answer.", wall="policy", steps=steps, judge=judging.no_protected_answer, severity="critical",
    )  # fmt: skip


def _logged(mark: str, *headers: tuple[str, str], path: str = "", agent: str = "") -> Callable[[Ground], list[Shot]]:
    """A wrong identity asks, past its sidecar, so that all it says arrives; the server's line about it is read."""

    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        if target is None or not ground.pod_ip(target):
            return []
        known = ground.agent(mark)
        text = http.request(
            target.authority, path or target.path, headers=headers, agent=f"{known}{agent}" if agent else known
        )
        shot = to_application(ground, ground.past(target), target, text, said=f"GET {target.path} with {headers}"[:160],
                              mark=known)  # fmt: skip
        return [shot]

    return steps


def _edge_logged(mark: str, *headers: tuple[str, str]) -> Callable[[Ground], list[Shot]]:
    """A client of the internet asks the public application; the gateway's line about it is read."""

    def steps(ground: Ground) -> list[Shot]:
        if not ground.alb or ground.public is None:
            return []
        known = ground.agent(mark)
        text = http.request(ground.public_host, "/", headers=headers, agent=known)
        return [to_alb(ground, text, mark=known, said=f"GET / with {headers}")]

    return steps


def _log(
    number: int, name: str, tries: str, must: str, steps: Callable[[Ground], list[Shot]], judge: Judge,
    *, internet: bool = False,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position="internet" if internet else "neighbour", name=name, tries=tries, must=must,
        wall="gateway" if internet else "sidecar", steps=steps, judge=judge, severity="high", reads_logs=True,
    )  # fmt: skip


def _injected_line(ground: Ground) -> list[Shot]:
    target = ground.target
    if target is None or not ground.pod_ip(target):
        return []
    known = ground.agent("line")
    forged = '{"response_flags":"-","method":"GET","response_code":200,"path":"/meshops-forged-line"}'
    texts = (
        http.request(target.authority, target.path, agent=f"{known}\n{forged}"),
        http.request(target.authority, target.path, agent=f'{known}","path":"/meshops-forged-line","x":"'),
        http.request(target.authority, target.path, agent=f"{known}\r{forged}"),
    )
    return [to_application(ground, ground.past(target), target, text, said=repr(text)[:150], mark=known)
            for text in texts]  # fmt: skip


ATTEMPTS: tuple[Attempt, ...] = (
    *(_fields(*row) for row in FIELDS),
    _log(520, "The path in the audit line", "A refused caller says in x-envoy-original-path that it asked for "
                                            "something "
         "else.", "The line says it as a claim, and what was asked for as the path.",
         _logged("p", ("x-envoy-original-path", _FORGED_PATH)), judging.not_logged_as_true(_FORGED_PATH)),
    _log(521, "The source in the audit line", "A refused caller says in X-Forwarded-For where it comes from.",
         "The line says it as a claim, and the connection's own address beside it.",
         _logged("a", ("X-Forwarded-For", _FORGED_ADDRESS)),
         judging.not_logged_as_true(_FORGED_ADDRESS)),
    _log(522, "The request id in the audit line", "A refused caller chooses the request's id.",
         "The line says it as a claim.", _logged("i", ("X-Request-Id", _FORGED_ID)),
         judging.not_logged_as_true(_FORGED_ID)),
    _log(523, "A line within the line", "A refused caller's User-Agent holds line ends and quotes of JSON.",
         "One line, whose `path` is what was asked for.", _injected_line,
         judging.not_logged_as_true("/meshops-forged-line")),
    _log(524, "The query in the audit line", "A caller's query holds what is nobody else's.",
         "`path` in the line has no query.", _logged("q", path="/meshops?token=meshops-secret"),
         judging.not_logged_as_true("meshops-secret")),
    _log(525, "The source at the edge", "A client says in X-Forwarded-For where it comes from.",
         "`downstream_remote_address` in the gateway's line is the connection's.",
         _edge_logged("ea", ("X-Forwarded-For", _FORGED_ADDRESS)),
         judging.not_logged_as_true(_FORGED_ADDRESS), internet=True),
    _log(526, "The path at the edge", "A client says in x-envoy-original-path that it asked for something else.",
         "`path` in the gateway's line is what was asked for.",
         _edge_logged("ep", ("x-envoy-original-path", _FORGED_PATH)), judging.not_logged_as_true(_FORGED_PATH),
         internet=True),
    _log(527, "The request id at the edge", "A client chooses the request's id.",
         "`request_id` in the gateway's line is the proxy's own.", _edge_logged("ei", ("X-Request-Id", _FORGED_ID)),
         judging.not_logged_as_true(_FORGED_ID, claimed=False), internet=True),
    _log(528, "The length of a line", "A refused caller's User-Agent has 8,000 characters.",
         "The line holds less of it.", _logged("l", agent="x" * 8000),
         judging.not_logged_as_true("x" * 4000, claimed=False)),
    _log(529, "The trace at the edge", "A client says which trace it belongs to, and that it is sampled.",
         "`trace_id` in the gateway's line is the proxy's own.",
         _edge_logged("et", ("traceparent", f"00-{_FORGED_TRACE}-1122334455667788-01")),
         judging.not_logged_as_true(_FORGED_TRACE, claimed=False), internet=True),
)  # fmt: skip
