"""Check MP701: the namespaces that somebody else made are there, and whoever owns their labels will leave ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from configuration.applications import Namespace
from configuration.settings import Settings
from manifests.names import INJECTION_LABEL
from meshops.checks.model import Check, Unavailable, Verdict
from meshops.owners import GIT_MANAGERS, git_owner, managers, undone
from meshops.preflight.aws import Endpoint
from meshops.preflight.control_planes import of_the_stack
from meshops.tools import ToolError, Tools

CHECK = Check(
    id="MP701",
    section="Namespaces",
    name="Labels that Git owns",
    shows="Every namespace that the settings call existing is there; one that Flux or Argo CD owns has its injection "
    "label in Git, where alone it lasts.",
    how="Those namespaces with their field managers, from the API server by kubectl.",
    severity="high",
    remedy="Put the label into namespace.yaml of the owner's repository, and set delivery: git (`meshops adopt` writes "
    "the files).",
)

_READ = "Give --kubeconfig of the stack's cluster; to read namespaces is enough."


def asked_about(settings: Settings) -> tuple[Namespace, ...]:
    return tuple(namespace for namespace in settings.namespaces if namespace.existing)


def read(tools: Tools, *, endpoint_url: str = "") -> tuple[Mapping[str, Any], ...] | Unavailable:
    """The cluster's namespaces. endpoint_url: see `control_planes.read`."""
    try:
        if isinstance(other := of_the_stack(tools, endpoint_url), Unavailable):
            return other
        text = tools.ask_kubectl("get", "namespaces", "--output=json", "--show-managed-fields", seconds=60)
        return tuple(json.loads(text)["items"])
    except ToolError as problem:
        return Unavailable(reason=f"The cluster's namespaces could not be read: {problem}", remedy=_READ)
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"kubectl's answer could not be read: {problem!r}", remedy=_READ)


def check(
    settings: Settings,
    endpoint: Endpoint | Unavailable | None,
    found: Sequence[Mapping[str, Any]] | Unavailable,
) -> Verdict:
    """endpoint: None where there is no cluster yet."""
    wanted = asked_about(settings)
    if not wanted:
        return Verdict(status="pass", finding="The settings name no namespace of somebody else's.")
    if isinstance(endpoint, Unavailable):
        return endpoint.verdict()
    if isinstance(found, Unavailable):
        return found.verdict()
    there = {item["metadata"]["name"]: item for item in found} if endpoint is not None else {}
    problems = [text for namespace in wanted if (text := _problem(settings, namespace, there.get(namespace.name)))]
    if problems:
        return Verdict(status="fail", finding=problems[0], evidence=tuple(problems))
    return Verdict(
        status="pass",
        finding=f"{len(wanted)} of {len(wanted)} namespaces are there, and nobody takes their labels away.",
        evidence=tuple(f"{one.name}: {git_owner(there[one.name]) or 'not in Git'}" for one in wanted),
    )


def _problem(settings: Settings, namespace: Namespace, item: Mapping[str, Any] | None) -> str:
    if item is None:
        return f"Namespace {namespace.name} is not there, and the settings say that somebody else makes it."
    owner = git_owner(item)
    if not owner or not namespace.in_mesh:
        return ""
    wanted = settings.mesh.revision(namespace.istio_version)
    label = (item["metadata"].get("labels") or {}).get(INJECTION_LABEL)
    if namespace.delivery == "git":
        if label == wanted:
            return ""
        return (
            f"Namespace {namespace.name}: {owner} owns it, and {INJECTION_LABEL} is {label or 'missing'}, not {wanted}."
        )
    if label == wanted and any(name in GIT_MANAGERS for name in managers(item, "metadata", "labels", INJECTION_LABEL)):
        return ""
    by = managers(item, "metadata", "labels", INJECTION_LABEL)
    state = f"set by {', '.join(by)}" if by else "not set yet"
    end = "goes at its next reconciliation" if undone(item, "metadata", "labels", INJECTION_LABEL) else "may go"
    return f"Namespace {namespace.name}: {owner} owns it, and {INJECTION_LABEL} ({state}) is not in its Git: it {end}."
