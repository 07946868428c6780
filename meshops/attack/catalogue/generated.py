"""MA9xx: what nobody thought of. Spellings by a grammar, as many as `--generated` says, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

from meshops.attack import grammar, http, judging
from meshops.attack.catalogue.requests import forbidden
from meshops.attack.entry import attempt
from meshops.attack.ground import BESIDE, OUTSIDER, Ground, Resource
from meshops.attack.model import Attempt, Position, Shot, Wall
from meshops.attack.place import Place
from meshops.attack.shots import get, raw, to_alb, to_application

_KEEP = 1200
_SECONDS = 3.0
_PARTS = 6


def share(ground: Ground) -> int:
    """How many each of these attempts generates."""
    return -(-ground.generated // _PARTS)


def _short(shot: Shot) -> Shot:
    return Shot(
        place=shot.place, task={**shot.task, "keep": _KEEP, "seconds": _SECONDS}, said=shot.said, mark=shot.mark
    )


def _by_stranger(place: Callable[[Ground, Resource], Place], salt: int) -> Callable[[Ground], list[Shot]]:
    """The protected path, its method and fields in generated spellings."""

    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        if target is None or not ground.pod_ip(target):
            return []
        identity = ground.stack.principal(target.caller)
        seed = ground.seed * _PARTS + salt
        texts = [
            http.request(
                target.authority, path, method=grammar.method(draw),
                headers=grammar.fields(identity, target.path, target.host, draw),
            )
            for path, draw in zip(grammar.paths(target.path, share(ground), seed), grammar.draws(seed), strict=False)
        ]  # fmt: skip
        return [_short(to_application(ground, place(ground, target), target, text)) for text in texts]

    return steps


def _by_caller(ground: Ground) -> list[Shot]:
    target = ground.target
    if target is None or not ground.pod_ip(target):
        return []
    found = grammar.climbs(target.path, forbidden(target), share(ground), ground.seed * _PARTS + 2)
    return [
        _short(to_application(ground, ground.past_as_caller(target), target, http.request(target.authority, path)))
        for path in found
    ]


def _hosts(ground: Ground, salt: int) -> list[str]:
    target = ground.target
    if target is None or not ground.public_host:
        return []
    seed = ground.seed * _PARTS + salt
    found = grammar.hosts(ground.public_host, target.authority, share(ground), seed)
    ways = grammar.paths(target.path, share(ground), seed)
    return [http.request(host, path) for host, path in zip(found, ways, strict=False)]


def _at_alb(ground: Ground) -> list[Shot]:
    return [_short(to_alb(ground, text)) for text in _hosts(ground, 3)] if ground.alb else []


def _at_gateway(ground: Ground) -> list[Shot]:
    pod = next(iter(ground.gateways), None)
    return [_short(raw(BESIDE, pod.ip, 443, text, tls={"sni": None})) for text in _hosts(ground, 4)] if pod else []


def _at_admin(ground: Ground) -> list[Shot]:
    target = ground.target
    if target is None or not (address := ground.pod_ip(target)):
        return []
    found = grammar.climbs("/stats/prometheus", "/config_dump", share(ground), ground.seed * _PARTS + 5)
    return [_short(get(OUTSIDER, address, 15090, path, host="localhost")) for path in found]


def _row(
    number: int, position: Position, name: str, tries: str, must: str, wall: Wall, steps: Callable[[Ground],
        list[Shot]],
    judge: judging.Judge,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position=position, name=name, tries=f"Generated: {tries}", must=must, wall=wall, steps=steps,
        judge=judge, severity="critical",
    )  # fmt: skip


_NONE = "The resource's answer never comes back."
ATTEMPTS: tuple[Attempt, ...] = (
    _row(901, "neighbour", "Spellings, by a wrong identity", "a wrong identity asks through its sidecar for the "
                                                             "resource, "
         "by spellings of its path, methods and fields.", _NONE, "policy",
         _by_stranger(lambda ground, target: ground.impostor(target), 0), judging.no_protected_answer),
    _row(902, "neighbour", "Spellings, past the sidecar", "the same by its own certificate, past its sidecar.", _NONE,
         "policy", _by_stranger(lambda ground, target: ground.past(target), 1), judging.no_protected_answer),
    _row(903, "neighbour", "Spellings of another path", "the entitled caller asks past its sidecar for a path "
                                                        "that is not "
         "declared.", "Nothing but the declared path's answer comes back.", "policy", _by_caller,
         judging.no_other_answer),
    _row(904, "internet", "Hosts, at the load balancer", "a client asks for hosts that name the public and an internal "
         "application.", _NONE, "gateway", _at_alb, judging.no_protected_mark),
    _row(905, "outsider", "Hosts, at the gateway", "the same straight to a gateway's pod.", _NONE, "gateway",
         _at_gateway,
         judging.no_protected_mark),
    _row(906, "outsider", "Ways to the admin interface", "a pod asks a sidecar's 15090 for paths that climb out of its "
         "prefix.", "No answer below 400.", "sidecar", _at_admin, judging.no_success),
)  # fmt: skip
