"""Configuration, as Istio's own analyzers see it: what they say, less what is known to be no defect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from manifests.names import CERT_MANAGER, ISTIO_INGRESS
from meshops.checks.model import Verdict
from meshops.verify.check import Layer, check
from meshops.verify.facts import AnalysisMessage
from meshops.verify.stack import Stack
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Configuration"


def _own_wildcard_rule(message: AnalysisMessage, stack: Stack) -> bool:
    own = {
        f"DestinationRule {rule['metadata']['namespace']}/{rule['metadata']['name']}"
        for rule in stack.of_kind("DestinationRule")
        if rule["spec"]["host"].startswith("*.")
    }
    return message.origin in own


def _outside_the_mesh(message: AnalysisMessage, stack: Stack) -> bool:
    in_mesh = {item.name for item in stack.settings.namespaces if item.in_mesh} | {ISTIO_INGRESS}
    return message.kind == "Namespace" and message.name not in in_mesh


def _of_cert_manager(message: AnalysisMessage, stack: Stack) -> bool:
    return message.kind == "Service" and message.namespace == CERT_MANAGER


def _own_envoy_filter(message: AnalysisMessage, stack: Stack) -> bool:
    own = {
        f"EnvoyFilter {item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in stack.of_kind("EnvoyFilter")
    }
    return message.origin in own


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A message that is no defect where `holds` is true of it and of the stack, and why."""

    code: str
    holds: Callable[[AnalysisMessage, Stack], bool]
    why: str


UNDERSTOOD: tuple[Understood, ...] = (
    Understood(
        code="IST0174",
        holds=_own_wildcard_rule,
        why="istioctl looks a rule's host up among exact names only; istiod does match a wildcard",
    ),
    Understood(
        code="IST0102",
        holds=_outside_the_mesh,
        why="not in the mesh on purpose: the settings have no such namespace in phase permissive or strict",
    ),
    Understood(
        code="IST0118",
        holds=_of_cert_manager,
        why="cert-manager's chart names its ports; it has no sidecar",
    ),
    Understood(
        code="IST0133",
        holds=_own_envoy_filter,
        why="it is said of every EnvoyFilter; manifests/envoy_filters.py says why Istio's own API does not do",
    ),
    Understood(
        code="IST0158",
        holds=lambda message, stack: True,
        why="istioctl expects an image variant in the mesh's proxy settings, and ours is a value of istiod's chart "
        "(global.variant); MV614 judges the image of every proxy",
    ),
)


@check(
    "MV619",
    _LAYER,
    name="istioctl analyze",
    shows="Istio's own analyzers find no error in any namespace, and no warning but those known to be no defect.",
    how="istioctl analyze of all namespaces and the settings' revision; each message that is known to be no defect is "
    "listed with its reason, and so is what is only for information.",
    severity="high",
    remedy="See the page of the message's code at https://istio.io/latest/docs/reference/config/analysis/.",
    needs=("analysis",),
)
def analysis(subject: Subject) -> Verdict:
    tally, understood = Tally(), 0
    for message in subject.analysis:
        why = _why(message, subject.stack)
        if why:
            understood += 1
            tally.passed(f"{message.level} {message.code} {message.origin} is understood: {why}")
        elif message.level == "Info":
            tally.note(f"for information: {message}")
        else:
            tally.failed(str(message))
    holds = "No error and no warning in any namespace"
    return tally.verdict(f"{holds} but {understood} that are understood.", nothing=f"{holds}.")


def _why(message: AnalysisMessage, stack: Stack) -> str:
    """Why it is no defect; empty if that is not known. An error never is."""
    if message.level == "Error":
        return ""
    return next((known.why for known in UNDERSTOOD if known.code == message.code and known.holds(message, stack)), "")
