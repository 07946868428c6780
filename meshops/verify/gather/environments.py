"""Where the applications' variables come from: names and hashes only; no secret's value is ever read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from configuration.applications import Application, FromSecret
from manifests.environment import CHECKSUM_ANNOTATION, secret_reference
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.facts import Environment
from meshops.verify.stack import Stack

_REMEDY = "See that the kubeconfig's user may read Deployments, pods and Secrets in the stack's namespaces."
# Prints the keys of a Secret, one on each line, and no value.
_KEYS = '--output=go-template={{range $key, $value := .data}}{{$key}}{{"\\n"}}{{end}}'


def gather_environments(tools: Tools, stack: Stack) -> tuple[Environment, ...] | Unavailable:
    """Of each application of the program's with a variable from a secret."""
    try:
        return tuple(
            _environment(tools, namespace.name, application)
            for namespace in stack.namespaces
            for application in namespace.applications
            if application.workload == "managed" and _wanted(application)
        )
    except ToolError as problem:
        return Unavailable(reason=f"The applications' variables could not be read: {problem}", remedy=_REMEDY)
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"kubectl's answer could not be read: {problem!r}", remedy=_REMEDY)


def _wanted(application: Application) -> dict[str, str]:
    return {
        variable: secret_reference(application, variable, value)
        for variable, value in sorted(application.environment.items())
        if isinstance(value, FromSecret) and not value.secrets_manager
    }


def _environment(tools: Tools, namespace: str, application: Application) -> Environment:
    where = f"--namespace={namespace}"
    found = tools.ask_kubectl("get", "deployment", application.name, where, "--ignore-not-found", "--output=json")
    template = json.loads(found)["spec"]["template"] if found.strip() else {}
    pods = json.loads(tools.ask_kubectl("get", "pods", where, f"--selector=app={application.name}", "--output=json"))
    wanted = _wanted(application)
    secrets = sorted({reference.partition("/")[0] for reference in wanted.values()})
    return Environment(
        namespace=namespace,
        application=application.name,
        wanted=wanted,
        sources=_sources(template, application.name),
        keys={name: _keys(tools, namespace, name) for name in secrets},
        behind=tuple(_behind(pods["items"], _checksum(template))),
    )


def _sources(template: Mapping[str, Any], container: str) -> dict[str, str]:
    """Variable -> `name/key` of its Secret; empty where it has a value or another source."""
    containers = (template.get("spec") or {}).get("containers") or ()
    return {
        variable["name"]: f"{reference['name']}/{reference['key']}" if reference else ""
        for one in containers
        if one["name"] == container
        for variable in one.get("env") or ()
        for reference in [(variable.get("valueFrom") or {}).get("secretKeyRef") or {}]
    }


def _keys(tools: Tools, namespace: str, name: str) -> tuple[str, ...]:
    text = tools.ask_kubectl("get", "secret", name, f"--namespace={namespace}", "--ignore-not-found", _KEYS)
    return tuple(text.split())


def _checksum(item: Mapping[str, Any]) -> str:
    return ((item.get("metadata") or {}).get("annotations") or {}).get(CHECKSUM_ANNOTATION, "")


def _behind(pods: Iterable[Mapping[str, Any]], checksum: str) -> Iterable[str]:
    """Those that began with other secrets, and are not on their way out."""
    for pod in pods:
        if "deletionTimestamp" not in pod["metadata"] and _checksum(pod) != checksum:
            yield pod["metadata"]["name"]
