"""Which namespace goes next: a pilot, then those like it, then those with rules of their own, and STRICT last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from configuration.applications import Application, Namespace, qualified
from configuration.settings import Settings
from meshops.preflight.zone import recorded_hosts
from meshops.waves.stages import Stage, stage_of


@dataclass(frozen=True, kw_only=True)
class Wave:
    """name: for a person; why: what its namespaces have in common."""

    name: str
    why: str
    namespaces: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change of the settings. moves: namespace -> the stage it goes to. Empty where nothing is left to do.

    named: those of them that leave the mesh and keep the DNS records of their hosts.
    """

    title: str
    why: str
    moves: Mapping[str, Stage]
    named: tuple[str, ...] = ()


def waves(settings: Settings) -> tuple[Wave, ...]:
    """The pilot, those like it, those with rules of their own; all namespaces, however far they have come."""
    traits = {namespace.name: own_rules(namespace) for namespace in settings.namespaces}
    ranked = sorted(settings.namespaces, key=lambda one: (*_weight(one, settings, traits[one.name]), one.name))
    if not ranked:
        return ()
    pilot, rest = ranked[0], ranked[1:]
    similar = tuple(one.name for one in rest if not traits[one.name])
    special = tuple(one.name for one in rest if traits[one.name])
    found = (
        Wave(name="Pilot", why="the fewest calls from and to others", namespaces=(pilot.name,)),
        Wave(name="Wave 1", why="nothing of their own", namespaces=similar),
        Wave(name="Wave 2", why="rules of their own", namespaces=special),
    )
    return tuple(wave for wave in found if wave.namespaces)


def own_rules(namespace: Namespace) -> tuple[str, ...]:
    """What an application of it needs that most do not, each in a few words."""
    return tuple(f"{one.name}: {what}" for one in namespace.applications for what in _own_rules(one))


def _own_rules(application: Application) -> list[str]:
    found = {
        "sticky sessions (a DestinationRule of its own)": application.stickiness is not None,
        "TLS of its own": application.tls == "passthrough",
        "opaque TCP": application.protocol == "tcp",
        "its users' tokens": application.authentication is not None,
        "deployed by another pipeline": application.workload == "external",
    }
    return [what for what, there in found.items() if there]


def _weight(namespace: Namespace, settings: Settings, own: tuple[str, ...]) -> tuple[int, int, int]:
    """Less is an easier beginning. Nothing of how far it has come: the waves stay the same on the way."""
    calls = sum(
        (home == namespace.name) != (other.name == namespace.name)
        for other in settings.namespaces
        for application in other.applications
        for caller in application.callers
        for home in [qualified(caller.application, other.name).partition("/")[0]]
    )
    return len(own), calls, len(namespace.applications)


def next_step(settings: Settings, *, whole_wave: bool = False) -> Step:
    """What to do now. One namespace after the other, unless a whole wave is asked for.

    What was begun is finished first: a namespace whose policies are tried out has them enforced before another one
    begins. STRICT comes when every namespace is in the mesh and enforces its policies.
    """
    stages = {namespace.name: stage_of(namespace) for namespace in settings.namespaces}
    tried = [name for name, stage in stages.items() if stage == "shadow"]
    moves: dict[str, Stage]
    if tried:
        moves = dict.fromkeys(tried if whole_wave else tried[:1], "permissive")
        return Step(
            title="Enforce", why="its policies are tried out; enforced, they refuse who is not declared", moves=moves
        )
    for wave in waves(settings):
        outside = [name for name in wave.namespaces if stages[name] == "outside"]
        if outside:
            begun: list[str] = outside if whole_wave else outside[:1]
            moves = dict.fromkeys(begun, "shadow")
            return Step(title=wave.name, why=wave.why, moves=moves)
    permissive = [name for name, stage in stages.items() if stage == "permissive"]
    if permissive:
        return Step(
            title="STRICT",
            why="every namespace is in the mesh and enforces its policies",
            moves=dict.fromkeys(permissive, "strict"),
        )
    return Step(title="Done", why="every namespace is strict", moves={})


def way_back(settings: Settings, namespaces: tuple[str, ...], level: int) -> Step:
    """level 1: plaintext is taken again, without a restart; 2: out of the mesh.

    A strict namespace admits no caller without an identity: those that are called from one which leaves take plaintext
    again too. The gateway serves the hosts of one which leaves as before: their DNS records stay.
    """
    stages = {namespace.name: stage_of(namespace) for namespace in settings.namespaces}
    moves: dict[str, Stage]
    if level == 1:
        strict = [name for name in namespaces if _phase(settings, name) == "strict"]
        moves = {name: "shadow" if stages[name] == "shadow" else "permissive" for name in strict}
        return Step(title="Rollback level 1", why="PERMISSIVE: plaintext is taken beside mTLS", moves=moves)
    leaving = [name for name in namespaces if stages[name] != "outside"]
    moves = dict.fromkeys(leaving, "outside")
    for other in settings.namespaces:
        callers = {
            qualified(caller.application, other.name).partition("/")[0]
            for application in other.applications
            for caller in application.callers
        }
        if other.phase == "strict" and other.name not in moves and callers & {*leaving}:
            moves[other.name] = "permissive"
    return Step(
        title="Rollback level 2",
        why="out of the mesh: its pods restart without a sidecar",
        moves=moves,
        named=tuple(name for name in leaving if _recorded(settings, name)),
    )


def _recorded(settings: Settings, name: str) -> tuple[str, ...]:
    """The hosts of a namespace that have a DNS record of the stack's."""
    return recorded_hosts(replace(settings, namespaces=tuple(one for one in settings.namespaces if one.name == name)))


def _phase(settings: Settings, name: str) -> str:
    return next(namespace.phase for namespace in settings.namespaces if namespace.name == name)
