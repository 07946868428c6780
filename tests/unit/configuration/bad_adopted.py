"""What the settings refuse of what somebody else deploys, and of callers named more than once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.configuration.bad_settings import API, API_PATH, Stack, put

Bad = tuple[Callable[[Stack], None], str, str, str]
_TWICE = f"{API_PATH}.callers[1].application"


def _callers(*entries: dict[str, Any]) -> Callable[[Stack], None]:
    return put(f"{API}.callers", [{"application": "ui", **entry} for entry in entries])


def _by_git(tree: Stack, **application: Any) -> None:
    external = {"name": "ledger", "workload": "external", "port": 8080, **application}
    tree["namespaces"][1] |= {"existing": True, "delivery": "git", "applications": [external]}


BAD_ADOPTED: dict[str, Bad] = {
    **{
        f"a caller named twice: {what}": (_callers(*entries), _TWICE, "one entry could say both", "Merge")
        for what, entries in {
            "the same": ({"methods": ["GET"], "paths": ["/a"]}, {"methods": ["GET"], "paths": ["/a"]}),
            "other paths only": ({"methods": ["GET"], "paths": ["/a"]}, {"methods": ["GET"], "paths": ["/b"]}),
            "other methods only": ({"methods": ["GET"], "paths": ["/a"]}, {"methods": ["PUT"], "paths": ["/a"]}),
            "one of them with everything": ({"methods": ["GET"], "paths": ["/a"]}, {}),
        }.items()
    },
    "a Service's port without one of the container": (
        lambda tree: tree["namespaces"][1]["applications"].append(
            {"name": "ledger", "workload": "external", "servicePort": 80}
        ),
        "namespaces[legacy].applications[ledger].servicePort",
        "none is named",
        "Set `port`",
    ),
    "another Service for a managed workload": (
        put(f"{API}.service", "api-svc"),
        f"{API_PATH}.service",
        "application's own name",
        "external",
    ),
    "a namespace of Git's that the stack would make and delete": (
        lambda tree: tree["namespaces"][1].update(delivery="git"),
        "namespaces[legacy].delivery",
        "nobody else may delete it",
        "existing: true",
    ),
    "a managed workload that nobody would deploy": (
        lambda tree: _by_git(tree, workload="managed", image="registry.example.com/ledger:1"),
        "namespaces[legacy].applications[ledger].workload",
        "nobody would deploy",
        "external",
    ),
    "a role for what the program does not make": (
        lambda tree: _by_git(tree, awsPolicy=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::ledger/*"]}]),
        "namespaces[legacy].applications[ledger].awsPolicy",
        "makes nothing of this one",
        "elsewhere",
    ),
}

TAKEN: dict[str, Callable[[Stack], None]] = {
    "a caller that may GET one path and POST another": _callers(
        {"methods": ["GET"], "paths": ["/a"]}, {"methods": ["POST"], "paths": ["/b"]}
    ),
    "a namespace of Git's": _by_git,
    "a Service of another name and port": lambda tree: _by_git(tree, service="ledger-svc", servicePort=80),
}
