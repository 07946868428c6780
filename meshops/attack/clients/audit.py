"""What the proxies wrote about an attempt: their lines as they are, whatever fields they have."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from meshops.attack.ground import Ground
from meshops.attack.model import Answer, Attempt, Entry, Shot, Step
from meshops.tools import ToolError, Tools
from meshops.verify.facts import Pod
from meshops.verify.probes.pods import PROXY

_WAIT_SECONDS = 15.0
"""A proxy writes its lines every second, or ten where its settings say so."""


def audit_lines(
    tools: Tools, ground: Ground, entries: Iterable[Entry], steps: Mapping[str, Step], answers: Mapping[str, Answer],
    since: datetime,
) -> dict[str, Answer]:  # fmt: skip
    """The answers, with the lines of those whose attempt looks at a log."""
    reading = {entry.id for entry in entries if isinstance(entry, Attempt) and entry.reads_logs}
    marks = {
        id: step.mark
        for id, step in steps.items()
        if isinstance(step, Shot) and step.mark and id.partition(".")[0] in reading
    }
    found = dict(answers)
    if not marks:
        return found
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        text = "\n".join(_log(tools, pod, since) for pod in _pods(ground))
        lines = {id: about(text, mark) for id, mark in marks.items()}
        if all(lines.values()) or time.monotonic() > deadline:
            break
        time.sleep(1)
    return found | {id: replace(found[id], lines=lines[id]) for id in marks}


def about(text: str, mark: str) -> tuple[Mapping[str, Any], ...]:
    """The lines in which the mark stands, each as the object that it is."""
    found = []
    for line in text.splitlines():
        start = line.find("{")
        if mark in line and start >= 0:
            try:
                fields = json.loads(line[start:])
            except json.JSONDecodeError:
                # What a client said has broken the line: that is a finding, and its text is the evidence.
                found.append({"path": line, "user_agent": line})
                continue
            # The mark ends where the next character is none of its own: `…/p` is not `…/path`.
            agent = str(fields.get("claimed_user_agent", fields.get("user_agent", "")))
            if agent == mark or not agent.startswith(mark) or not agent[len(mark)].isalnum() or agent.endswith("xxx"):
                found.append(fields)
    return tuple(found)


def _pods(ground: Ground) -> Sequence[Pod]:
    target = ground.target
    own = ground.pods(target.callee.namespace.name, target.callee.name)[:1] if target else ()
    return (*own, *ground.gateways)


def _log(tools: Tools, pod: Pod, since: datetime) -> str:
    try:
        return tools.ask_kubectl("logs", pod.name, f"--namespace={pod.namespace}", f"--container={PROXY}",
                                 f"--since-time={since.strftime('%Y-%m-%dT%H:%M:%SZ')}")  # fmt: skip
    except ToolError:
        return ""
