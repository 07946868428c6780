"""Who may newly call whom, and who no longer may, by what the AuthorizationPolicies of two plans admit together.

A permission is widened if any request that it admits was admitted by no policy before; only one of which nothing new
is admitted reads as a restriction. What cannot be compared (a template in a path) counts as new. Conditions that the
facts do not have (`notPaths`, DENY) stand among the walls (`meshops/review/walls.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manifests.shadow import REFUSE_NOBODY, is_tried
from meshops.plan.mesh import ANYONE, GATEWAY, PLAINTEXT, CallFacts
from meshops.review.facts import Planned
from meshops.review.lines import Line
from meshops.review.text import code, listed

EVERYBODY = "everybody, also without identity"
"""Whom a workload takes that no ALLOW policy is about (https://istio.io/docs/reference/config/security/authorization-policy/:
"If there are no ALLOW policies for the workload, allow the request")."""
_WHOLE = "the whole mesh"
_NOBODYS_NAME = {
    GATEWAY: "the gateway",
    ANYONE: "anyone",
    PLAINTEXT: "whoever has no identity (plaintext)",
    EVERYBODY: EVERYBODY,
}

_ONE_BY_ONE, _TOGETHER = 6, 60
"""Callees of which the same is said: up to so many have a sentence each; more share one, of so many at most."""

Atom = tuple[str, str, str, str, str]
"""caller, method, path, port, host; `*` for any."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What changes between a caller and a callee. before, now: what is admitted; empty for nothing."""

    caller: str
    callee: str
    before: tuple[CallFacts, ...]
    now: tuple[CallFacts, ...]
    widened: bool


def changed(old: Planned, new: Planned) -> tuple[Changed, ...]:
    """Every pair whose permission changes, the widened ones first."""
    before, now = _Admitted(old), _Admitted(new)
    found: list[Changed] = []
    for callee in dict.fromkeys((*now.callees, *before.callees)):
        was, is_ = before.of(callee), now.of(callee)
        if set(map(_plain, was)) == set(map(_plain, is_)):
            continue
        come = {atom[0] for call in is_ for atom in _atoms(call) if not _covered(atom, was)}
        gone = {atom[0] for call in was for atom in _atoms(call) if not _covered(atom, is_)}
        for caller in sorted(come | gone):
            found.append(
                Changed(
                    caller=caller,
                    callee=callee,
                    before=tuple(call for call in was if call.caller == caller),
                    now=tuple(call for call in is_ if call.caller == caller),
                    widened=caller in come,
                )
            )
    return tuple(sorted(found, key=lambda one: not one.widened))


def lines(old: Planned, new: Planned) -> Iterator[Line]:
    """A sentence for each callee and what changes for it, for all callers of which it holds; one for many callees of
    which the very same is to be said."""
    together: dict[_Said, dict[str, list[str]]] = {}
    for one in changed(old, new):
        together.setdefault(_said(one), {}).setdefault(one.callee, []).append(one.caller)
    for said, callees in together.items():
        pairs = [(_party(callee), _parties(callers)) for callee, callers in callees.items()]
        if len(pairs) <= _ONE_BY_ONE:
            for callee, by in pairs:
                yield Line(text=said.sentence(callee, f" by {by}"), opens=said.widened)
            continue
        # All of them, in sentences that fit a comment each.
        for start in range(0, len(pairs), _TOGETHER):
            some = pairs[start : start + _TOGETHER]
            who = "; ".join(f"{callee} by {by}" for callee, by in some)
            yield Line(
                text=f"{said.sentence(f'**{len(some)} callees**', '')} They are: {who}.",
                opens=said.widened,
                count=len(some),
            )


@dataclass(frozen=True, kw_only=True)
class _Said:
    """more, shared: where nothing but hosts is added, these, and what else the permission says."""

    widened: bool
    before: str
    now: str
    more: str = ""
    shared: str = ""

    def sentence(self, callee: str, by: str) -> str:
        if self.widened and self.more:
            return f"{callee} may now be called for {self.more} too{by}: {self.shared}."
        if self.widened:
            return f"{callee} may now be called with {self.now}{by}; before: {self.before or 'not at all'}."
        if self.now:
            return f"{callee} may be called with no more than {self.now}{by}; before: {self.before}."
        return f"{callee} may no longer be called{by}; before: {self.before}."


def _said(one: Changed) -> _Said:
    ports = bool(one.before and one.now) and _ports(one.before) != _ports(one.now)
    more, shared = _more_hosts(one)
    before = _requests(one.before, ports=ports, other=one.now)
    now = _requests(one.now, ports=ports, other=one.before)
    return _Said(widened=one.widened, before="" if more else before, now="" if more else now, more=more, shared=shared)


class _Admitted:
    """What one plan admits, by callee."""

    def __init__(self, planned: Planned) -> None:
        mesh = planned.mesh
        self._calls: dict[str, list[CallFacts]] = {}
        for call in mesh.calls:
            self._calls.setdefault(call.callee, []).append(call)
        self._governed = frozenset(_selected(planned))
        self._tried = {item.namespace for item in planned.objects if item.name == REFUSE_NOBODY}
        inside = {space.name for space in mesh.namespaces if space.phase != "outside"}
        self._inside = {app.key for app in mesh.applications if app.namespace in inside}
        named = (callee for callee in self._calls if not callee.endswith("/*") and callee != _WHOLE)
        self.callees = tuple(dict.fromkeys((*named, *(app.key for app in mesh.applications))))

    def of(self, callee: str) -> tuple[CallFacts, ...]:
        namespace = callee.partition("/")[0]
        groups = (callee, f"{namespace}/*", _WHOLE)
        if namespace in self._tried or (callee in self._inside and not self._governed.intersection(groups)):
            return (CallFacts(caller=EVERYBODY, callee=callee),)
        return tuple(call for group in groups for call in self._calls.get(group, ()))


def _selected(planned: Planned) -> Iterator[str]:
    """The callees, or groups of them, that an ALLOW policy is about; an empty one, which denies all, among them."""
    for item in planned.objects:
        # What is only tried out refuses nobody.
        if item.kind != "AuthorizationPolicy" or is_tried(item.content):
            continue
        if item.at("spec", "action") in (None, "ALLOW"):
            labels = item.at("spec", "selector", "matchLabels") or {}
            if "app" in labels:
                yield f"{item.namespace}/{labels['app']}"
            elif not labels:
                yield _WHOLE if item.namespace == "istio-system" else f"{item.namespace}/*"


def _plain(call: CallFacts) -> tuple[object, ...]:
    return (call.caller, frozenset(call.methods), frozenset(call.paths), frozenset(call.ports), frozenset(call.hosts))


def _atoms(call: CallFacts) -> Iterator[Atom]:
    dimensions = (call.methods or ("*",), call.paths or ("*",), call.ports or ("*",), call.hosts or ("*",))
    for method, path, port, host in itertools.product(*dimensions):
        yield call.caller, method, path, port, host


def _covered(atom: Atom, calls: Iterable[CallFacts]) -> bool:
    caller, *values = atom
    return any(
        _same_caller(caller, call.caller)
        and all(
            not allowed or any(_matches(value, pattern) for pattern in allowed)
            for value, allowed in zip(values, (call.methods, call.paths, call.ports, call.hosts), strict=True)
        )
        for call in calls
    )


def _same_caller(caller: str, allowed: str) -> bool:
    """Whether a policy for `allowed` admits `caller`."""
    if allowed in (caller, EVERYBODY, ANYONE):
        # A rule that names no source takes whoever comes, the one without identity too.
        return True
    return allowed.endswith("/*") and caller.partition("/")[0] == allowed[:-2]


def _matches(value: str, pattern: str) -> bool:
    """Whether all that `value` admits is admitted by `pattern`: exact, `prefix*`, `*suffix` or `*`."""
    if pattern in (value, "*"):
        return True
    if "{" in pattern or "{" in value or value == "*":
        return False
    if pattern.endswith("*"):
        return not value.startswith("*") and value.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return not value.endswith("*") and value.endswith(pattern[1:])
    return False


def _ports(calls: Iterable[CallFacts]) -> frozenset[tuple[str, ...]]:
    return frozenset(call.ports for call in calls)


def _requests(calls: Iterable[CallFacts], *, ports: bool, other: Iterable[CallFacts] = ()) -> str:
    """`GET` on `/api/data`; `every method` on `every path`. other: what the other side has; what it does not have comes
    first, so that no long list hides it."""
    known = {value for call in other for value in (*call.methods, *call.paths, *call.hosts)}

    def first(values: Iterable[str]) -> list[str]:
        return sorted(values, key=lambda value: value in known)

    texts: dict[str, None] = {}
    for call in calls:
        methods = listed(first(call.methods), most=40) if call.methods else "every method"
        paths = f" on {listed(first(call.paths), most=40)}" if call.paths else " on every path"
        hosts = f" for {listed(first(_hosts(call)), most=40)}" if call.hosts else ""
        at = f" at port {listed(call.ports)}" if ports and call.ports else " at every port" if ports else ""
        texts[f"{methods}{paths}{hosts}{at}"] = None
    return "; ".join(texts)


def _more_hosts(one: Changed) -> tuple[str, str]:
    """Where nothing but hosts is added: these, and what else the permission says."""
    if len(one.before) != 1 or len(one.now) != 1:
        return "", ""
    was, is_ = one.before[0], one.now[0]
    if _plain(was)[:4] != _plain(is_)[:4] or not was.hosts or not set(was.hosts) < set(is_.hosts):
        return "", ""
    shared = _requests((dataclasses.replace(is_, hosts=()),), ports=False)
    return listed((host for host in _hosts(is_) if host not in was.hosts), most=100), shared


def _hosts(call: CallFacts) -> tuple[str, ...]:
    """Without `name:443` where the name itself is there."""
    return tuple(host for host in call.hosts if host.rpartition(":")[0] not in call.hosts)


def _parties(callers: Iterable[str]) -> str:
    names = [_party(caller) for caller in callers]
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def _party(name: str) -> str:
    return _NOBODYS_NAME.get(name) or code(name, limit=80)
