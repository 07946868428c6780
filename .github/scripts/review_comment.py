"""Posts the comment that a run of preview.yml has made on its pull request, or edits the one that is there.

It runs after a run that may have executed a fork's code, with a token that may write comments. So:
- which pull request it is, and whether its author may write here, comes from the event and from GitHub's API, never
  from the artifact;
- the artifact is data from a stranger: bounded in size, two expected files read in memory, nothing unpacked or run;
- what a fork or Dependabot says is shown literally, in a code block it cannot close: no link, picture, mention or
  command is rendered in our name. A branch of this repository is its members' own: its comment is shown as Markdown.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github_api import Api, GitHub, Refused, file_in, own_comment
from literal import literal

MARKER = "<!-- zero-trust-mesh:review -->"
ARTIFACT = "review"
MAX_ARCHIVE_BYTES = 5_000_000
MAX_COMMENT_BYTES = 1_000_000
MAX_VERDICT_BYTES = 100_000
# GitHub refuses a comment of more than 65,536 characters.
MAX_COMMENT_CHARACTERS = 65_000
MAX_SHOWN_CHARACTERS = 56_000

_SHA = re.compile(r"[0-9a-f]{40}")
_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What GitHub itself says of the run that has ended; nothing in it is the pull request's to choose, except the
    branch's name."""

    id: int
    head_sha: str
    head_branch: str
    head_owner: str
    head_repository_id: int
    conclusion: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Run:
        """event: the `workflow_run` event. Raises `Refused` where the fork is gone."""
        run = event["workflow_run"]
        head = run["head_repository"]
        if head is None:
            raise Refused("The repository that the pull request came from is gone.")
        if not _SHA.fullmatch(run["head_sha"]):
            raise Refused("The event's head is not a commit.")
        return cls(
            id=int(run["id"]),
            head_sha=run["head_sha"],
            head_branch=run["head_branch"],
            head_owner=head["owner"]["login"],
            head_repository_id=int(head["id"]),
            conclusion=re.sub(r"[^a-z_]", "", str(run["conclusion"])),
        )


@dataclass(frozen=True, kw_only=True)
class Pull:
    number: int
    trusted: bool
    """Its head is a branch of this repository, and a person's."""


@dataclass(frozen=True, kw_only=True)
class Review:
    comment: str
    """Markdown, as the pull request's code wrote it."""
    verdict: Mapping[str, Any]


def pull_request(run: Run, pulls: Iterable[Mapping[str, Any]]) -> Pull | None:
    """The open pull request whose head is this run's commit; None if it is closed or has moved on.

    (The event's own list of pull requests is empty for a fork.) pulls: as the API lists them.
    """
    found = [
        pull
        for pull in pulls
        if pull["head"]["sha"] == run.head_sha
        and pull["head"]["repo"] is not None
        and int(pull["head"]["repo"]["id"]) == run.head_repository_id
    ]
    if len(found) > 1:
        raise Refused(f"Commit {run.head_sha} is the head of {len(found)} pull requests: which one is not certain.")
    if not found:
        return None
    (pull,) = found
    own = int(pull["base"]["repo"]["id"]) == run.head_repository_id
    return Pull(number=int(pull["number"]), trusted=own and pull["user"]["login"] != "dependabot[bot]")


def review_in(archive: bytes) -> Review:
    """What the artifact's zip holds. Raises `Refused`."""
    comment = file_in(archive, "comment.md", MAX_COMMENT_BYTES).decode("utf-8", errors="replace")
    try:
        verdict = json.loads(file_in(archive, "verdict.json", MAX_VERDICT_BYTES))
    except (ValueError, RecursionError):
        raise Refused("verdict.json is not JSON.") from None
    if not isinstance(verdict, dict):
        raise Refused("verdict.json is not an object.")
    return Review(comment=comment, verdict=verdict)


def body(run: Run, pull: Pull, review: Review | None, *, repository_url: str) -> str:
    """The comment to post. repository_url: e.g. `https://github.com/owner/name`."""
    run_url = f"{repository_url}/actions/runs/{run.id}"
    if review is None:
        return (
            f"{MARKER}\n\n### No review of `{run.head_sha[:12]}`\n\n"
            f"**The run ended with `{run.conclusion}` before it could say what would change**: [its log]({run_url}). "
            "What stood here before was about an earlier commit."
        )
    if pull.trusted:
        text = review.comment.removeprefix(MARKER).strip()
        if len(text) > MAX_COMMENT_CHARACTERS:
            text = f"{text[:MAX_COMMENT_CHARACTERS]}\n\n… cut here: the whole is in the run."
        return f"{MARKER}\n\n{text}\n\n<sub>`{run.head_sha[:12]}`, [the run]({run_url})</sub>"
    text = literal(review.comment.removeprefix(MARKER).strip(), MAX_SHOWN_CHARACTERS)
    return "\n\n".join(
        (
            MARKER,
            f"### What `{run.head_sha[:12]}` would change, by its own account{claims(review.verdict)}",
            "Made without credentials, by the pull request's own code: it shows what that code claims, and nobody has "
            f"verified it. [The run]({run_url}) has it rendered.",
            text,
        )
    )


def claims(verdict: Mapping[str, Any]) -> str:
    """The verdict for whoever reads one line only, in words of ours: ` (refused: dev; 2 findings)`; "" for nothing."""
    parts = []
    for word in ("refused", "failed"):
        listed = verdict.get(word)
        listed = listed if isinstance(listed, list) else []
        names = [name for name in listed if isinstance(name, str) and _STACK.fullmatch(name)]
        parts += [f"{word}: {', '.join(names[:8])}"] if names else []
    findings = verdict.get("findings")
    count = findings if isinstance(findings, int) else len(findings) if isinstance(findings, list | dict) else 0
    parts += [f"findings: {count}"] if count else []
    return f" ({'; '.join(parts)})" if parts else ""


def publish(api: Api, run: Run, *, repository: str, repository_url: str) -> str:
    """Posts what the run has left, and returns a line that says what was done. Raises `Refused`."""
    repo = f"/repos/{repository}"
    head = urllib.parse.quote(f"{run.head_owner}:{run.head_branch}", safe="")
    pull = pull_request(run, api.get(f"{repo}/pulls?state=open&per_page=100&head={head}"))
    if pull is None:
        return "No open pull request has this commit as its head: nothing to post."
    review = _review(api, repo, run)
    document = {"body": body(run, pull, review, repository_url=repository_url)}
    earlier = own_comment(api, repository, pull.number, MARKER)
    if earlier is None:
        api.send("POST", f"{repo}/issues/{pull.number}/comments", document)
        return f"Commented on #{pull.number}."
    api.send("PATCH", f"{repo}/issues/comments/{earlier.number}", document)
    return f"Edited the comment on #{pull.number}."


def _review(api: Api, repo: str, run: Run) -> Review | None:
    listed = api.get(f"{repo}/actions/runs/{run.id}/artifacts?per_page=100&name={ARTIFACT}")["artifacts"]
    # Of a re-run's two the newer.
    found = [one for one in listed if one["name"] == ARTIFACT and not one["expired"]]
    if not found:
        return None
    newest = max(found, key=lambda one: int(one["id"]))
    if int(newest["size_in_bytes"]) > MAX_ARCHIVE_BYTES:
        raise Refused(f"The artifact has {newest['size_in_bytes']} bytes, over {MAX_ARCHIVE_BYTES}.")
    return review_in(api.get_bytes(f"{repo}/actions/artifacts/{newest['id']}/zip", MAX_ARCHIVE_BYTES))


def main() -> int:
    environment = os.environ
    repository = environment["GITHUB_REPOSITORY"]
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    try:
        line = publish(
            GitHub.of_job(),
            Run.of(event),
            repository=repository,
            repository_url=f"{environment['GITHUB_SERVER_URL']}/{repository}",
        )
    except (Refused, urllib.error.URLError) as error:
        print(f"::error::{str(error).splitlines()[0]}")
        return 1
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
