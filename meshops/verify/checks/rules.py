"""Configuration, mutual TLS: no rule that weakens it, the labels and modes that the settings derive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from manifests.mesh_policies import namespace_mode
from manifests.names import INJECTION_LABEL
from meshops.checks.model import Verdict
from meshops.owners import git_owner, managers
from meshops.verify.check import Layer, check
from meshops.verify.comparison import difference, live, name_of, strangers
from meshops.verify.facts import LiveObject
from meshops.verify.stack import ROOT
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Configuration"


@check(
    "MV605",
    _LAYER,
    name="No DestinationRule without tls.mode",
    shows="Every DestinationRule of the cluster says its TLS mode, in its trafficPolicy and wherever that is replaced: "
    "the most specific rule wins whole, and without a mode forced mTLS becomes best effort, silently (trap 5).",
    how="The DestinationRules of all namespaces, with their subsets and port-level settings.",
    severity="critical",
    remedy="Add trafficPolicy.tls.mode ISTIO_MUTUAL to the rule (DISABLE for what has no sidecar), or delete it.",
)
def destination_rules_have_modes(subject: Subject) -> Verdict:
    tally = Tally()
    for rule in subject.objects.of_kind("DestinationRule"):
        gaps = list(_gaps(rule.spec))
        if gaps:
            tally.failed(f"{rule} ({rule.spec.get('host')}) has no {', no '.join(gaps)}")
        else:
            tally.passed(f"{rule}: {rule.at('spec', 'trafficPolicy', 'tls', 'mode')}")
    return tally.verdict("{count} DestinationRules, each with its TLS mode.")


def _gaps(spec: Mapping[str, Any]) -> Iterator[str]:
    """Where a TLS mode is missing. A port's own settings replace the rule's, and a subset's inherit none of theirs."""
    policy = spec.get("trafficPolicy") or {}
    if not _has_mode(policy):
        yield "trafficPolicy.tls.mode"
    yield from _ports_without(policy, "trafficPolicy")
    for subset in spec.get("subsets") or ():
        own = subset.get("trafficPolicy")
        if not own:
            continue
        where = f"subsets[{subset.get('name')}].trafficPolicy"
        if "tls" in own and not _has_mode(own):
            yield f"{where}.tls.mode"
        yield from _ports_without(own, where)


def _ports_without(policy: Mapping[str, Any], where: str) -> Iterator[str]:
    for setting in policy.get("portLevelSettings") or ():
        if not _has_mode(setting):
            yield f"{where}.portLevelSettings[{(setting.get('port') or {}).get('number')}].tls.mode"


def _has_mode(policy: Mapping[str, Any]) -> bool:
    return bool((policy.get("tls") or {}).get("mode"))


@check(
    "MV615",
    _LAYER,
    name="DestinationRules are the program's",
    shows="The mesh-wide mTLS rule, its exemptions and each application's rule stand as the program makes them, and no "
    "other rule weakens the TLS to a service of the stack.",
    how="Each is compared with the document that the settings give.",
    severity="critical",
    remedy="`pulumi up` sets the program's rules again; delete a stranger, or name it in mesh.plaintextServices.",
)
def destination_rules_as_made(subject: Subject) -> Verdict:
    tally = as_made(subject, "DestinationRule")
    namespaces = {namespace.name for namespace in subject.stack.namespaces if namespace.in_mesh}
    for rule in subject.objects.of_kind("DestinationRule"):
        if any(rule == live(item, subject.objects) for item in subject.stack.of_kind("DestinationRule")):
            continue
        mode = rule.at("spec", "trafficPolicy", "tls", "mode")
        host = str(rule.spec.get("host", ""))
        of_stack = any(host.endswith(f".{name}.svc.cluster.local") for name in namespaces) or (
            rule.namespace in namespaces and "." not in host
        )
        if of_stack and mode in ("DISABLE", "SIMPLE"):
            tally.failed(f"{rule} says {mode} for {host}")
    return tally.verdict("{count} DestinationRules as the program makes them.")


@check(
    "MV606",
    _LAYER,
    name="PeerAuthentication",
    shows="The mesh-wide mode is what the phases derive, a namespace differs only where its phase does, and nothing "
    "narrower is weaker.",
    how="The PeerAuthentications of all namespaces, compared with the documents that the settings give.",
    severity="critical",
    remedy="`pulumi up` sets it again; delete a weaker one, or move the namespace to phase permissive.",
)
def peer_authentication(subject: Subject) -> Verdict:
    tally = as_made(subject, "PeerAuthentication")
    stack = subject.stack
    phases = {namespace.name: namespace for namespace in stack.namespaces}
    for policy in strangers(
        stack.documents, subject.objects, "PeerAuthentication", [*phases, ROOT, *stack.injected_namespaces]
    ):
        namespace = phases.get(policy.namespace)
        wanted = namespace_mode(namespace) if namespace and namespace.in_mesh else stack.mode
        weaker = sorted({mode for mode in _modes(policy) if _weaker(mode, wanted)})
        if weaker:
            tally.failed(f"{policy} says {', '.join(weaker)} where {wanted} must hold")
        else:
            tally.note(f"not of the program, and not weaker: {policy}")
    return tally.verdict("{count} as the program makes them; mesh-wide " + f"{stack.mode}.")


def _modes(policy: LiveObject) -> Iterator[str]:
    yield str(policy.at("spec", "mtls", "mode") or "UNSET")
    for setting in (policy.at("spec", "portLevelMtls") or {}).values():
        yield str((setting or {}).get("mode") or "UNSET")


def _weaker(mode: str, wanted: str) -> bool:
    return mode == "DISABLE" or (mode == "PERMISSIVE" and wanted == "STRICT")


@check(
    "MV607",
    _LAYER,
    name="Namespace labels",
    shows="Every namespace carries the labels that the settings give it, and none outside the mesh is injected.",
    how="The labels of the namespaces, as the API server has them.",
    severity="critical",
    remedy="See who changed it (audit log); `pulumi up` sets the labels again, then restart what was made meanwhile.",
)
def namespace_labels(subject: Subject) -> Verdict:
    tally = Tally()
    for name, labels in subject.stack.namespace_labels.items():
        found = subject.objects.find("Namespace", "", name)
        if found is None:
            tally.failed(f"namespace {name} does not exist")
            continue
        wrong = [
            f"{key} is {found.labels.get(key) or '(not set)'}, not {value}"
            for key, value in labels.items()
            if found.labels.get(key) != value
        ]
        # Both make istiod inject, and the second one hides the revision.
        unwanted = [key for key in (INJECTION_LABEL, "istio-injection") if key in found.labels and key not in labels]
        wrong += [f"{key}={found.labels[key]} was added{_by(found, key)}" for key in unwanted]
        if wrong:
            owner = git_owner(found.content)
            of = f"; {owner} owns it: the label belongs into its Git" if owner else ""
            tally.failed(f"namespace {name}: {', '.join(wrong)}{of}")
        else:
            tally.passed(f"{name}: {labels.get(INJECTION_LABEL) or 'not injected'}")
    return tally.verdict("{count} namespaces, labelled as the settings say.")


def _by(found: LiveObject, label: str) -> str:
    owners = managers(found.content, "metadata", "labels", label)
    return f" by {', '.join(owners)}" if owners else ""


def as_made(subject: Subject, *kinds: str, exact: bool = True) -> Tally:
    """Every document of these kinds against its object, by name."""
    tally = Tally()
    for item in subject.stack.of_kind(*kinds):
        text = difference(item, live(item, subject.objects), exact=exact)
        if text:
            tally.failed(f"{name_of(item)}: {text}")
        else:
            tally.passed(name_of(item))
    return tally
