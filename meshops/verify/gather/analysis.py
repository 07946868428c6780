"""What `istioctl analyze` says of the whole cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.facts import MANAGED_BY, AnalysisMessage

_FOUND_SOMETHING = 79
"""istioctl's exit code when it analyzed everything and says Error of something; with JSON it is 0 as a rule."""
_REMEDY = (
    "See that istioctl is there, of istiod's version, and that the kubeconfig's user may read every kind that "
    "`istioctl analyze` looks at, the secrets of istio-system among them; without that it waits for an answer in vain."
)


def gather_analysis(tools: Tools, revisions: Sequence[str]) -> tuple[AnalysisMessage, ...] | Unavailable:
    """revisions: istioctl leaves out what carries another one. Without any it would miss the injection webhooks, which
    carry one here, and report what follows from their absence."""
    try:
        found: set[AnalysisMessage] = set()
        for revision in revisions:
            asked = ("--all-namespaces", "--revision", revision, "--output", "json")
            found |= {*parse_analysis(tools.ask_istioctl("analyze", *asked, accept=(0, _FOUND_SOMETHING)))}
        return in_order(found)
    except ToolError as problem:
        return Unavailable(reason=f"The analysis could not be had: {problem}", remedy=_REMEDY)
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"The analysis: istioctl's answer could not be read: {problem!r}", remedy=_REMEDY)


def parse_analysis(text: str) -> tuple[AnalysisMessage, ...]:
    """istioctl's list, the gravest first, without what it says of probe pods: they come and go with a run."""
    found = [
        AnalysisMessage(
            code=message["code"],
            level=message["level"],
            origin=message.get("origin") or "the cluster",
            text=message["message"],
        )
        for message in json.loads(text)
    ]
    return in_order(message for message in found if not message.name.startswith(f"{MANAGED_BY}-"))


def in_order(messages: Iterable[AnalysisMessage]) -> tuple[AnalysisMessage, ...]:
    """The gravest first."""
    levels = ("Error", "Warning", "Info")
    return tuple(
        sorted(messages, key=lambda message: (levels.index(message.level), message.origin, message.code, message.text))
    )
