"""Steps that bring applications into the mesh and out of it, and the same with all documents applied at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from configuration.applications import Phase
from lab.cluster.control_plane import CLUSTER_DOMAIN
from lab.cluster.objects import FIELD_MANAGER, Document, Key
from lab.errors import LabError
from lab.paths import PROGRAM, STACK
from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, NAMESPACES, WEB, Standing
from lab.reliability.steps import Act, Naive, Step
from meshops.plan import plan as planning
from meshops.plan.plan import PlanError
from offline.values import revealed

# For what is not over by itself.
_LOOKED_AT_SECONDS = 5.0


def at(phase: Phase, *namespaces: str) -> Standing:
    """These namespaces in this phase, and no other."""
    return Standing(phases=dict.fromkeys(namespaces or (FIRST,), phase))


def phases(*steps: Phase, namespaces: tuple[str, ...] = (FIRST,)) -> Act:
    """One phase after the other, each as a change of the stack's settings of its own."""

    def do(ground: Ground) -> None:
        for phase in steps:
            ground.bring_to(at(phase, *namespaces))

    return do


def running_outside(*namespaces: str) -> Act:
    """The applications run outside the mesh, each with a DestinationRule of its team's own: sticky, without `tls`."""

    def prepare(ground: Ground) -> None:
        ground.bring_to(at("outside", *namespaces))
        objects = ground.objects()
        for namespace in namespaces:
            rule = _own_rule(namespace)
            # In place of the program's: what it says now is the team's alone.
            objects.delete(Key.of(rule))
            objects.apply(rule)

    return prepare


def _own_rule(namespace: str) -> Document:
    sticky = {"consistentHash": {"httpCookie": {"name": "affinity", "path": "/", "ttl": "0s"}}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": WEB, "namespace": namespace},
        "spec": {"host": f"{WEB}.{namespace}.svc.{CLUSTER_DOMAIN}", "trafficPolicy": {"loadBalancer": sticky}},
    }


def all_at_once(phase: Phase, *namespaces: str) -> Act:
    """What `kubectl apply` of the documents does: one after the other, nothing waited for, and what is no longer
    among them deleted first."""

    def do(ground: Ground) -> None:
        wanted = at(phase, *(namespaces or (FIRST,)))
        assert ground.standing is not None, "brought there before"
        before, after = _documents(ground.standing), _documents(wanted)
        # Otherwise the program's next run would find objects that it has not made.
        objects, records = ground.objects(FIELD_MANAGER), ground.mine()
        for urn in before.keys() - after.keys():
            objects.delete(Key.of(before[urn]))
            records.objects.pop(urn, None)
        for urn in sorted(after, key=lambda urn: str(Key.of(after[urn]))):
            if before.get(urn) != after[urn]:
                records.note_object(urn, Key.of(after[urn]), patch=False)
                objects.apply(after[urn])
        records.save()
        ground.standing = wanted
        ground.settled()

    return do


def _documents(standing: Standing) -> Mapping[str, Document]:
    """URN -> object, of a standing's plan. Raises LabError."""
    try:
        plan = planning.make(STACK, directory=PROGRAM, config=standing.config())
    except PlanError as problem:
        raise LabError(str(problem)) from problem
    return {
        registration.urn: revealed(registration.inputs)
        for registration in plan.run.registrations
        if registration.type.startswith("kubernetes:")
        and not registration.type.endswith(("Patch", ":Release"))
        and (registration.inputs.get("metadata") or {}).get("name")
    }


def _waves(ground: Ground) -> None:
    reached: dict[str, Phase] = dict.fromkeys(NAMESPACES, "outside")
    for namespace in NAMESPACES:
        ways: tuple[Phase, ...] = ("permissive", "strict")
        for phase in ways:
            reached[namespace] = phase
            ground.bring_to(Standing(phases=dict(reached)))


def _policies_deleted(ground: Ground) -> None:
    ground.kubectl("delete", "peerauthentication,authorizationpolicy", "--all", f"--namespace={FIRST}")
    time.sleep(_LOOKED_AT_SECONDS)


def _prepared(phase: Phase, *namespaces: str) -> Callable[[Ground], None]:
    return lambda ground: ground.bring_to(at(phase, *(namespaces or (FIRST,))))


INTO = Step(
    name="three-into-the-mesh",
    kind="planned",
    what="three applications at once: outside → permissive → strict",
    prepare=running_outside(*NAMESPACES),
    do=phases("permissive", "strict", namespaces=NAMESPACES),
    naive=Naive(leaves=True, what="all documents of `strict` applied at once", do=all_at_once("strict", *NAMESPACES)),
    namespaces=NAMESPACES,
)
BACK = Step(
    name="three-back",
    kind="planned",
    what="the same three back: strict → permissive → outside",
    prepare=_prepared("strict", *NAMESPACES),
    do=phases("permissive", "outside", namespaces=NAMESPACES),
    naive=Naive(leaves=True, what="all documents of `outside` applied at once", do=all_at_once("outside", *NAMESPACES)),
    namespaces=NAMESPACES,
)
STEPS: tuple[Step, ...] = (
    INTO,
    BACK,
    Step(
        name="into-the-mesh",
        kind="planned",
        what="outside → permissive → strict, an application with a sticky DestinationRule of its own without `tls`",
        prepare=running_outside(FIRST),
        do=phases("permissive", "strict"),
        naive=Naive(leaves=True, what="all documents of `strict` applied at once", do=all_at_once("strict")),
    ),
    Step(
        name="three-namespaces",
        kind="planned",
        what="three namespaces one after the other, outside → permissive → strict; with the last one the whole mesh",
        prepare=running_outside(*NAMESPACES),
        do=_waves,
        naive=Naive(
            leaves=True, what="all documents of `strict` applied at once", do=all_at_once("strict", *NAMESPACES)
        ),
        namespaces=NAMESPACES,
    ),
    Step(
        name="rollback-to-permissive",
        kind="planned",
        what="rollback, level 1: strict → permissive",
        prepare=_prepared("strict"),
        do=phases("permissive"),
        naive=Naive(
            leaves=True,
            what="the namespace's PeerAuthentication and AuthorizationPolicies deleted",
            do=_policies_deleted,
        ),
    ),
    Step(
        name="rollback-to-outside",
        kind="planned",
        what="rollback, level 2: strict → permissive → outside",
        prepare=_prepared("strict"),
        do=phases("permissive", "outside"),
        naive=Naive(leaves=True, what="all documents of `outside` applied at once", do=all_at_once("outside")),
    ),
)
