"""What may newly leave the mesh, what is newly public, who is newly let into the cluster or AWS; and what no longer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from meshops.plan.platform import EntryFacts
from meshops.review.facts import Planned
from meshops.review.lines import Line
from meshops.review.text import code, listed

_PHASES = ("strict", "permissive", "outside")
_MEANING = {
    "strict": "takes mutual TLS only",
    "permissive": "takes plaintext too",
    "outside": "is outside the mesh: no AuthorizationPolicy is enforced in it",
}
EVERYWHERE = ("0.0.0.0/0", "::/0")


def lines(old: Planned, new: Planned) -> Iterator[Line]:
    """Every statement, in no order of weight; a resource of the plans is read, not the settings."""
    for part in (_phases, _public, _ways_in, _leaving, _private, _outbound, _api_server, _people, _identities):
        yield from part(old, new)


def _phases(old: Planned, new: Planned) -> Iterator[Line]:
    before = {space.name: space.phase for space in old.mesh.namespaces}
    for space in new.mesh.namespaces:
        was = before.get(space.name)
        if was is None and space.phase != "strict":
            yield Line(text=f"The new namespace {code(space.name)} {_MEANING[space.phase]}.")
        elif was is not None and was != space.phase:
            weaker = _PHASES.index(space.phase) > _PHASES.index(was)
            text = f"The namespace {code(space.name)} {_MEANING[space.phase]} from now on; before: {was}."
            yield Line(text=text, opens=weaker)
    if old.mesh.namespaces and old.mesh.mode != new.mesh.mode:
        text = f"Mesh-wide mutual TLS is {code(new.mesh.mode)}; before: {code(old.mesh.mode)}."
        yield Line(text=text, opens=new.mesh.mode != "STRICT")


def _public(old: Planned, new: Planned) -> Iterator[Line]:
    before, now = hosts(old), hosts(new)
    for (host, application), passthrough in now.items():
        how = "its TLS is passed through to the application" if passthrough else "through the load balancer and gateway"
        if (host, application) not in before:
            yield Line(text=f"{code(host)} is newly public: it leads to {code(application)}, {how}.")
        elif before[host, application] != passthrough:
            yield Line(text=f"{code(host)} leads to {code(application)} in another way than before: {how}.")
    for host, application in before:
        if (host, application) not in now:
            yield Line(text=f"{code(host)} no longer leads to {code(application)}.", opens=False)


def hosts(planned: Planned) -> dict[tuple[str, str], bool]:
    """Public host and application -> whether its TLS is passed through to it."""
    return {(host, app.key): app.passthrough for app in planned.mesh.applications for host in app.hosts}


def _ways_in(old: Planned, new: Planned) -> Iterator[Line]:
    before = {entry.kind: entry for entry in old.platform.entries}
    for entry in new.platform.entries:
        was = before.get(entry.kind)
        if was is None:
            allowed = listed(entry.allowed, most=24) if entry.allowed else "anyone"
            yield Line(text=f"A new way in: {code(entry.kind)}, {code(entry.scheme)}, for connections from {allowed}.")
        elif was != entry:
            yield from _way_in(was, entry)
    now = {entry.kind for entry in new.platform.entries}
    for kind in before:
        if kind not in now:
            yield Line(text=f"The way in by the {code(kind)} is gone.", opens=False)


def _way_in(was: EntryFacts, entry: EntryFacts) -> Iterator[Line]:
    kind = code(entry.kind)
    if was.scheme != entry.scheme:
        public = entry.scheme != "internal"
        yield Line(text=f"The {kind} is {code(entry.scheme)}; before: {code(was.scheme)}.", opens=public)
    yield from _networks(f"connect to the {kind}", was.allowed or EVERYWHERE, entry.allowed or EVERYWHERE)
    if was.waf != entry.waf:
        text = f"The {kind} stands behind a web ACL." if entry.waf else f"No web ACL stands before the {kind} any more."
        yield Line(text=text, opens=not entry.waf)
    if was.tls_policy != entry.tls_policy:
        yield Line(
            text=f"The {kind}'s TLS policy is {code(entry.tls_policy or 'the default')}; before: "
            f"{code(was.tls_policy or 'the default')}."
        )


def _networks(may: str, before: Iterable[str], now: Iterable[str]) -> Iterator[Line]:
    old, new = [*map(_network, before)], [*map(_network, now)]
    come = [text for text, network in zip(map(str, now), new, strict=True) if not _inside(network, old)]
    gone = [text for text, network in zip(map(str, before), old, strict=True) if not _inside(network, new)]
    if come:
        yield Line(text=f"{listed(come, most=24)} may now {may}.")
    if gone:
        yield Line(text=f"{listed(gone, most=24)} may no longer {may}, or not whole.", opens=False)


def _network(text: str) -> IPv4Network | IPv6Network | str:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return text


def _inside(network: IPv4Network | IPv6Network | str, others: Iterable[IPv4Network | IPv6Network | str]) -> bool:
    for other in others:
        if network == other:
            return True
        if isinstance(network, IPv4Network) and isinstance(other, IPv4Network) and network.subnet_of(other):
            return True
        if isinstance(network, IPv6Network) and isinstance(other, IPv6Network) and network.subnet_of(other):
            return True
    return False


Leaving = frozenset[tuple[str, str, str]]
"""Who, where to, and by which port."""


def leaving(planned: Planned) -> Leaving:
    """What may leave the mesh for a host outside."""
    return frozenset(
        (f"{one.namespace}/{one.application}" if one.application else f"{one.namespace}/*", one.host, port)
        for one in planned.mesh.egress
        for port in one.ports or ("any port",)
    )


def private(planned: Planned) -> Leaving:
    """What may reach private addresses: declared networks, and the subnets of interface endpoints."""
    return frozenset(
        (f"{one.namespace}/{one.application}", network, port)
        for one in planned.mesh.openings
        if not one.past_sidecar
        for network in one.networks
        for port in one.ports or ("any port",)
    )


def _leaving(old: Planned, new: Planned) -> Iterator[Line]:
    yield from _sets(
        leaving(old),
        leaving(new),
        lambda who, what: f"{who} may now leave the mesh for {what}.",
        lambda who, what: f"{who} may no longer leave the mesh for {what}.",
    )


def _private(old: Planned, new: Planned) -> Iterator[Line]:
    yield from _sets(
        private(old),
        private(new),
        lambda who, what: f"{who} may now reach the private addresses {what}.",
        lambda who, what: f"{who} may no longer reach the private addresses {what}.",
    )


def _sets(
    before: Leaving,
    now: Leaving,
    come: Callable[[str, str], str],
    gone: Callable[[str, str], str],
) -> Iterator[Line]:
    for found, text, opens in ((now - before, come, True), (before - now, gone, False)):
        whom: dict[str, dict[str, list[str]]] = {}
        for who, what, port in sorted(found):
            whom.setdefault(who, {}).setdefault(what, []).append(port)
        for who, places in whom.items():
            shown = ", ".join(f"{code(what, limit=100)} ({listed(ports)})" for what, ports in places.items())
            yield Line(text=text(code(who, limit=80), shown), opens=opens)


def _outbound(old: Planned, new: Planned) -> Iterator[Line]:
    """A sidecar that lets everything out says so in its outbound traffic policy."""

    def modes(planned: Planned) -> dict[str, str]:
        return {
            f"{item.namespace}/{item.name}": str(item.at("spec", "outboundTrafficPolicy", "mode") or "the mesh's")
            for item in planned.objects
            if item.kind == "Sidecar"
        }

    before = modes(old)
    for name, mode in modes(new).items():
        was = before.get(name, "REGISTRY_ONLY")
        if mode != was:
            text = f"The sidecars of {code(name)} treat unknown destinations by {code(mode)}; before: {code(was)}."
            yield Line(text=text, opens=mode != "REGISTRY_ONLY")


def _cluster(planned: Planned) -> Mapping[str, Any]:
    return next((one.inputs for one in planned.registrations if one.type == "eks:index:Cluster"), {})


def _api_server(old: Planned, new: Planned) -> Iterator[Line]:
    before, now = _cluster(old), _cluster(new)
    if not now:
        return

    def allowed(cluster: Mapping[str, Any]) -> tuple[str, ...]:
        if not cluster or not cluster.get("endpointPublicAccess"):
            return ()
        return tuple(cluster.get("publicAccessCidrs") or EVERYWHERE)

    yield from _networks("connect to the cluster's API server", allowed(before), allowed(now))


def _people(old: Planned, new: Planned) -> Iterator[Line]:
    def entries(planned: Planned) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for entry in (_cluster(planned).get("accessEntries") or {}).values():
            principal = str(entry.get("principalArn", "?"))
            for name, policy in (entry.get("accessPolicies") or {}).items():
                scope = policy.get("accessScope") or {}
                spaces = ", ".join(map(str, scope.get("namespaces") or ())) or "the whole cluster"
                found.add((principal, f"{name} in {spaces}"))
            found |= {(principal, f"the group {group}") for group in entry.get("kubernetesGroups") or ()}
        return found

    before, now = entries(old), entries(new)
    for principal, right in sorted(now - before):
        yield Line(text=f"{code(principal)} gets {code(right)}.")
    for principal, right in sorted(before - now):
        yield Line(text=f"{code(principal)} loses {code(right)}.", opens=False)


def _identities(old: Planned, new: Planned) -> Iterator[Line]:
    before, now = _allowed(old), _allowed(new)
    for found, may, opens in ((now - before, "may now", True), (before - now, "may no longer", False)):
        whom: dict[tuple[str, str], list[str]] = {}
        for who, action, on in sorted(found):
            whom.setdefault((who, on), []).append(action)
        for (who, on), actions in whom.items():
            yield Line(
                text=f"The service account {code(who)} {may} {listed(actions, most=24)} on {code(on)}.", opens=opens
            )


def _allowed(planned: Planned) -> set[tuple[str, str, str]]:
    """Service account, action and resource of every statement that allows something."""
    policies = {one.name: one.inputs.get("policy") for one in planned.registrations if one.type.endswith(":RolePolicy")}
    found: set[tuple[str, str, str]] = set()
    for one in planned.registrations:
        if one.type != "aws:eks/podIdentityAssociation:PodIdentityAssociation":
            continue
        who = f"{one.inputs.get('namespace')}/{one.inputs.get('serviceAccount')}"
        for statement in _statements(policies.get(one.name)):
            if statement.get("Effect") == "Allow":
                for action in _many(statement.get("Action")):
                    found |= {(who, action, on) for on in _many(statement.get("Resource"))}
    return found


def _statements(policy: Any) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(policy) if isinstance(policy, str) else {}
    except json.JSONDecodeError:
        return []
    found = document.get("Statement", []) if isinstance(document, Mapping) else []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, Mapping)]


def _many(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []
