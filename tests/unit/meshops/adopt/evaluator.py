"""What AuthorizationPolicies allow, evaluated as Istio documents it.

https://istio.io/latest/docs/reference/config/security/authorization-policy/: with ALLOW policies for a workload, a
request passes if one of their rules matches; a rule matches if one of its sources and one of its operations does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """principal: empty for a caller without a sidecar. method: empty for a stream of bytes."""

    namespace: str
    application: str
    principal: str
    port: int
    method: str = ""
    path: str = ""
    host: str = ""


def allowed(policies: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """policies: AuthorizationPolicies of the whole stack."""
    for policy in policies:
        if policy["metadata"]["namespace"] != request.namespace or policy["spec"].get("action", "ALLOW") != "ALLOW":
            continue
        selector = (policy["spec"].get("selector") or {}).get("matchLabels") or {}
        if selector.items() <= {"app": request.application}.items() and any(
            _matches(rule, request) for rule in policy["spec"].get("rules") or ()
        ):
            return True
    return False


def _matches(rule: Mapping[str, Any], request: Request) -> bool:
    sources = [entry["source"] for entry in rule.get("from") or ()]
    operations = [entry["operation"] for entry in rule.get("to") or ()]
    assert not rule.get("when"), "the evaluator knows no conditions"
    return (not sources or any(_source(source, request) for source in sources)) and (
        not operations or any(_operation(operation, request) for operation in operations)
    )


def _source(source: Mapping[str, Any], request: Request) -> bool:
    assert source.keys() <= {"principals", "notPrincipals"}, source
    if "principals" in source and request.principal not in source["principals"]:
        return False
    # "*" is any identity, and none at all is not one.
    return not ("notPrincipals" in source and ("*" in source["notPrincipals"] and request.principal))


def _operation(operation: Mapping[str, Any], request: Request) -> bool:
    assert operation.keys() <= {"ports", "methods", "paths", "hosts"}, operation
    if "ports" in operation and str(request.port) not in operation["ports"]:
        return False
    for key, value in (("methods", request.method), ("hosts", request.host)):
        if key in operation and value not in operation[key]:
            return False
    return "paths" not in operation or any(_path(pattern, request.path) for pattern in operation["paths"])


def _path(pattern: str, path: str) -> bool:
    if pattern.endswith("*") and not pattern.endswith("{*}"):
        return path.startswith(pattern[:-1])
    return bool(re.fullmatch("[^/]+".join(map(re.escape, pattern.split("{*}"))), path))
