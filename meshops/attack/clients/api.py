"""Documents for the API server as somebody else, without keeping them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshops.api_proxy import ApiProxy
from meshops.attack.model import Answer
from meshops.tools import ToolError

# Kind -> its resource, where that is not the kind in small letters with an s.
_IRREGULAR = {
    "Gateway": "gateways",
    "NetworkPolicy": "networkpolicies",
    "AuthorizationPolicy": "authorizationpolicies",
    "ServiceEntry": "serviceentries",
    "WorkloadEntry": "workloadentries",
    "Telemetry": "telemetries",
    "Ingress": "ingresses",
}


def created(api: ApiProxy, document: Mapping[str, Any], headers: tuple[tuple[str, str], ...]) -> Answer:
    """What the API server and all of its admission say to it; nothing is kept. headers: who is impersonated."""
    try:
        reply = api.ask(
            "POST", f"{path_of(document)}?dryRun=All&fieldValidation=Strict", body=document, headers=headers
        )
    except ToolError as problem:
        return Answer(unavailable=f"the API server gave no answer: {problem}")
    if reply.status < 300:
        return Answer(ended="ok", received=f"{document['kind']} taken (dry run)".encode())
    return Answer(ended="refused", error=f"Error from server ({reply.reason or reply.status}): {reply.message}")


def path_of(document: Mapping[str, Any]) -> str:
    """Where one of its kind is created."""
    version, kind = document["apiVersion"], document["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    resource = _IRREGULAR.get(kind, f"{kind.lower()}s")
    return f"{root}/namespaces/{document['metadata']['namespace']}/{resource}"
