"""One issue while something is wrong with a deployment, overnight or in the sandbox: opened, edited, closed.

python3 .github/scripts/report.py deployment STACK   RESULTS, OUTPUTS: JSON of the jobs' results and `up`'s outputs
python3 .github/scripts/report.py drift DIRECTORY    <stack>.json of a preview, <stack>-verify.txt of what failed
python3 .github/scripts/report.py sandbox            RESULTS; build/left.txt, if anything is left
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from github_api import GitHub, Refused, keep_issue, run_url
from literal import literal
from previews import Unusable, read, shown

_LOCKED = re.compile(r"the stack is currently locked by")
_LOG = Path("build/deploy/up.log")


def deployment(stack: str, results: Mapping[str, str], outputs: Mapping[str, str], log: str) -> str | None:
    """What stands, why, and how to go back; None where all went well. outputs: of the steps of `up`, their outcomes."""
    failed = [job for job, result in results.items() if result in ("failure", "cancelled")]
    if not failed:
        return None
    what = _what_stands(results, outputs)
    parts = [f"Deploying `{stack}` stopped at **{failed[0]}**: {run_url()}", f"### What stands\n\n{what}"]
    if _LOCKED.search(log):
        parts.append(_lock(stack))
    parts.append(
        "### How to go back\n\nRevert the pull request on main (`git revert -m 1 "
        "<merge>`, through a pull request): its "
        "preview shows what is taken back, and its deployment does it. To go on instead, "
        "correct it the same way, or start "
        f"this run's failed jobs again. `pulumi stack --stack {stack}` lists what exists."
    )
    if log:
        parts.append(f"### The last lines\n\n{literal(chr(10).join(log.splitlines()[-40:]), 20_000)}")
    return "\n\n".join(parts)


def _what_stands(results: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    if results.get("up") not in ("failure", "cancelled") or outputs.get("up", "skipped") in ("", "skipped"):
        return "What stood before: `pulumi up` was not reached, and nothing was changed."
    if outputs["up"] != "success":
        return (
            "A part of the change: `pulumi up` began and did not end. What it made is in the "
            "state and stays; the rest is "
            "as it was. Running it again goes on from there."
        )
    gate = next((name for name in ("preflight", "verify") if outputs.get(name) != "success"), "a later step")
    return (
        f"All of the change. `{gate}` did not pass on it, so no later environment was touched: read its lines before "
        "traffic is trusted."
    )


def _lock(stack: str) -> str:
    return (
        "### A lock\n\nThe state is locked. This workflow never runs twice on one stack, "
        "so the lock is a person's, or of a "
        "run that was killed. The line below names user, host and time. If that process "
        "is gone for certain (its run has "
        "ended, its machine is off), one who may deploy takes the lock away with "
        f"`pulumi cancel --stack {stack}`, looks at `pulumi refresh --preview-only "
        f"--stack {stack}`, since a killed update "
        "may have made what the state does not know, and starts this again. No workflow "
        "does this by itself: it cannot know "
        "that the other one is gone."
    )


def drift(directory: Path, stacks: Mapping[str, str]) -> str | None:
    """What is no longer as it was deployed; None where all is. stacks: stack -> result of its jobs."""
    parts = []
    for stack in sorted(stacks):
        said = []
        try:
            if found := read(directory / f"{stack}.json"):
                said.append(f"The refreshed preview would change:\n\n{shown(found)}")
        except Unusable as error:
            said.append(f"The preview failed, so nothing is known:\n\n{literal(str(error), 4_000)}")
        proofs = directory / f"{stack}-verify.txt"
        code = directory / f"{stack}-verify.code"
        if code.is_file() and code.read_text(encoding="utf-8").strip() != "0":
            said.append(f"`make verify` did not pass:\n\n{literal(_bad_lines(proofs), 8_000)}")
        elif stacks[stack] == "verify" and not code.is_file():
            said.append("`make verify` was not reached, so nothing is known: its job's log says why.")
        if said:
            parts.append(f"## `{stack}`\n\n" + "\n\n".join(said))
    if not parts:
        return None
    way = (
        "Either somebody changed it by hand: `make up` takes that back; or it is wanted: "
        "bring it into the program. A stack "
        "that was changed on main and not deployed yet shows here too."
    )
    return "\n\n".join((f"As of {run_url()}. {way}", *parts))


def _bad_lines(report: Path) -> str:
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else "no report"
    bad = [line for line in text.splitlines() if not line.startswith("PASS")]
    return "\n".join(bad[-80:])


def sandbox(results: Mapping[str, str], left: str) -> str | None:
    """What failed of the sandbox's run, and what it has left; None for neither."""
    failed = sorted(job for job, result in results.items() if result in ("failure", "cancelled"))
    if not failed and not left.strip():
        return None
    parts = (
        [f"The sandbox stopped at **{', '.join(failed)}**: {run_url()}"] if failed else [f"The sandbox: {run_url()}"]
    )
    if left.strip():
        parts.append(f"### Still there, and paid for\n\n{literal(left, 10_000)}\n\nSee docs/runbooks/destroy.md.")
    elif "destroy" in failed:
        parts.append(
            "### Whether anything is left is not known\n\nLook at once: it costs until it is gone "
            "(docs/runbooks/destroy.md)."
        )
    return "\n\n".join(parts)


def main(arguments: list[str]) -> int:
    results = {job: one["result"] for job, one in json.loads(os.environ["RESULTS"]).items()}
    match arguments:
        case ["deployment", stack]:
            log = _LOG.read_text(encoding="utf-8", errors="replace") if _LOG.is_file() else ""
            body = deployment(stack, results, json.loads(os.environ["OUTPUTS"]), log)
            marker, title = f"<!-- zero-trust-mesh:deployment:{stack} -->", f"Deploying {stack} failed"
        case ["drift", directory]:
            body = drift(Path(directory), _watched())
            marker, title = "<!-- zero-trust-mesh:drift -->", "What runs is not what was deployed"
        case ["sandbox"]:
            left = Path("build/left.txt")
            body = sandbox(results, left.read_text(encoding="utf-8") if left.is_file() else "")
            marker, title = "<!-- zero-trust-mesh:sandbox -->", "The sandbox failed"
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    try:
        print(keep_issue(GitHub.of_job(), os.environ["GITHUB_REPOSITORY"], marker=marker, title=title, body=body))
    except (Refused, urllib.error.URLError) as error:
        print(f"::error::{error}")
        return 1
    return 0


def _watched() -> dict[str, str]:
    previewed = [row["stack"] for row in json.loads(os.environ["PREVIEWED"])]
    verified = {row["stack"] for row in json.loads(os.environ["VERIFIED"])}
    return {stack: "verify" if stack in verified else "preview" for stack in previewed}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
