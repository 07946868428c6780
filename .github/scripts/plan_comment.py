"""Comments the offline plans of a run of preview.yml on its pull request, and edits that comment in place.

It runs after a run that may have executed a fork's code, with a token that may write comments. So:
- which pull request it is comes from the event and from GitHub's API, never from the artifacts;
- an artifact is data from a stranger: bounded in number and size, one expected file read in memory, nothing
  unpacked, nothing run;
- what it says is shown literally, in a code block it cannot close: no link, picture, mention or command of its
  author's is rendered in our name.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MARKER = "<!-- offline-plan -->"
AUTHOR = "github-actions[bot]"

MAX_PLANS = 8
MAX_ARCHIVE_BYTES = 5_000_000
MAX_DIFF_BYTES = 1_000_000
# GitHub refuses a comment of more than 65,536 characters.
MAX_SHOWN_CHARACTERS = 56_000
_MAX_COMMENT_PAGES = 20

_PLAN = re.compile(r"plan-([a-z][a-z0-9-]{0,30})")
_SHA = re.compile(r"[0-9a-f]{40}")
_DIFF = "diff.md"
# Two lines of meshops/plan/diff.py. A stranger may have written them: only their numbers are taken over.
_REPLACED = re.compile(r"## Plan of stack `[a-z][a-z0-9-]{0,30}`: ([0-9]{1,6}) REPLACED, ")
_LOST = re.compile(r"^\*\*(?:REPLACED|REMOVED): `", re.MULTILINE)


class Refused(Exception):
    """Something is not as it must be; nothing is commented. The message says what."""


class Api(Protocol):
    def get(self, path: str) -> Any: ...

    def get_bytes(self, path: str, limit: int) -> bytes: ...

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any: ...


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
class Plan:
    stack: str
    diff: str
    """As the pull request's code wrote it: not to be trusted."""
    picture_id: int | None = None
    """The artifact that holds `topology-<stack>.svg`."""


def pull_request_number(run: Run, pulls: Iterable[Mapping[str, Any]]) -> int | None:
    """The open pull request whose head is this run's commit; None if it is closed or has moved on.

    (The event's own list of pull requests is empty for a fork.) pulls: as the API lists them.
    """
    numbers = [
        int(pull["number"])
        for pull in pulls
        if pull["head"]["sha"] == run.head_sha
        and pull["head"]["repo"] is not None
        and int(pull["head"]["repo"]["id"]) == run.head_repository_id
    ]
    if len(numbers) > 1:
        raise Refused(f"Commit {run.head_sha} is the head of {len(numbers)} pull requests: which one is not certain.")
    return numbers[0] if numbers else None


def plan_artifacts(artifacts: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The plans among a run's artifacts, by stack; of a re-run's two the newer. Raises `Refused`."""
    found: dict[str, Mapping[str, Any]] = {}
    for artifact in sorted(artifacts, key=lambda artifact: int(artifact["id"])):
        match = _PLAN.fullmatch(artifact["name"])
        if match and not artifact["expired"]:
            found[match[1]] = artifact
    if len(found) > MAX_PLANS:
        raise Refused(f"The run has {len(found)} plans; at most {MAX_PLANS} are commented.")
    for artifact in found.values():
        if int(artifact["size_in_bytes"]) > MAX_ARCHIVE_BYTES:
            raise Refused(f"{artifact['name']} has {artifact['size_in_bytes']} bytes, over {MAX_ARCHIVE_BYTES}.")
    return dict(sorted(found.items()))


def diff_in(archive: bytes) -> str:
    """The text of the one file we want of an artifact's zip. Raises `Refused`."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened, opened.open(_DIFF) as file:
            # The size in the zip's directory is its author's claim: count.
            content = file.read(MAX_DIFF_BYTES + 1)
    except KeyError:
        raise Refused(f"The plan holds no {_DIFF}.") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused(f"The plan is not a plain zip: {type(error).__name__}.") from None
    if len(content) > MAX_DIFF_BYTES:
        raise Refused(f"{_DIFF} has more than {MAX_DIFF_BYTES} bytes.")
    return content.decode("utf-8", errors="replace")


def literal(text: str, limit: int) -> str:
    """A Markdown code block that shows a stranger's text as it is, and that the text cannot leave.

    Whatever does not print is replaced, the characters that reverse or hide others among it. The fence is longer than
    any run of backticks inside. Each line is indented by a blank, so that a bot that looks for `/command` at the
    beginning of a line finds none.
    """
    lines = ("".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line) for line in text.splitlines())
    # No fence of thousands: runs that no Markdown has are shortened.
    shown = re.sub("`{9,}", "````````…", "\n".join(f" {line}" for line in lines))
    if len(shown) > limit:
        shown = f"{shown[:limit]}\n … cut here: the whole is in the run."
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def comment(run: Run, plans: Iterable[Plan], *, repository_url: str) -> str:
    """The comment's Markdown. repository_url: e.g. `https://github.com/owner/name`."""
    run_url = f"{repository_url}/actions/runs/{run.id}"
    plans = tuple(plans)
    parts = [
        MARKER,
        f"### Offline plan of `{run.head_sha[:12]}`, compared with the base branch",
        "Made without credentials, by the pull request's own code: it shows what that code claims, and nobody has "
        f"verified it. [The run]({run_url}) has it rendered, with a summary of what will exist.",
    ]
    if run.conclusion != "success":
        parts.append(f"**The run ended with `{run.conclusion}`: a plan that is missing here was not made.**")
    elif not plans:
        parts.append("This commit touches no stack that is planned offline.")
    for plan in plans:
        warned = warning(plan.diff)
        parts += [
            f"<details{' open' if warned else ''}><summary>Stack <code>{plan.stack}</code>{warned}</summary>",
            literal(plan.diff, MAX_SHOWN_CHARACTERS // len(plans)),
        ]
        if plan.picture_id is not None:
            parts.append(f"[Picture of the stack]({run_url}/artifacts/{plan.picture_id}) (drawn by the same code)")
        parts.append("</details>")
    return "\n\n".join(parts)


def warning(diff: str) -> str:
    """What the plan says it would destroy, for whoever reads one line only: ` (2 REPLACED, 1 lost with what is in it)`;
    "" for nothing."""
    replaced = _REPLACED.match(diff)
    lost = len(_LOST.findall(diff))
    parts = [f"{int(replaced[1])} REPLACED"] if replaced else []
    parts += [f"{lost} lost with what is in it"] if lost else []
    return f" ({', '.join(parts)})" if parts else ""


def publish(api: Api, run: Run, *, repository: str, repository_url: str) -> str:
    """Comments what the run has left, and returns a line that says what was done. Raises `Refused`."""
    repo = f"/repos/{repository}"
    head = urllib.parse.quote(f"{run.head_owner}:{run.head_branch}", safe="")
    number = pull_request_number(run, api.get(f"{repo}/pulls?state=open&per_page=100&head={head}"))
    if number is None:
        return "No open pull request has this commit as its head: nothing to comment."
    artifacts = api.get(f"{repo}/actions/runs/{run.id}/artifacts?per_page=100")["artifacts"]
    pictures = {artifact["name"]: int(artifact["id"]) for artifact in artifacts}
    plans = [
        Plan(
            stack=stack,
            diff=diff_in(api.get_bytes(f"{repo}/actions/artifacts/{artifact['id']}/zip", MAX_ARCHIVE_BYTES)),
            picture_id=pictures.get(f"topology-{stack}.svg"),
        )
        for stack, artifact in plan_artifacts(artifacts).items()
    ]
    earlier = _own_comment(api, repo, number)
    if not plans and earlier is None:
        return "The run left no offline plan: nothing to comment."
    body = {"body": comment(run, plans, repository_url=repository_url)}
    if earlier is None:
        api.send("POST", f"{repo}/issues/{number}/comments", body)
        return f"Commented on #{number}."
    api.send("PATCH", f"{repo}/issues/comments/{earlier}", body)
    return f"Edited the comment on #{number}."


def _own_comment(api: Api, repo: str, number: int) -> int | None:
    """Ours is by our own author and begins with the marker: anybody can write a marker."""
    for page in range(1, _MAX_COMMENT_PAGES + 1):
        listed = api.get(f"{repo}/issues/{number}/comments?per_page=100&page={page}")
        for candidate in listed:
            if candidate["user"] and candidate["user"]["login"] == AUTHOR and candidate["body"].startswith(MARKER):
                return int(candidate["id"])
        if len(listed) < 100:
            break
    return None


class GitHub:
    """GitHub's REST API with the job's token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def get(self, path: str) -> Any:
        return json.loads(self._call("GET", path))

    def get_bytes(self, path: str, limit: int) -> bytes:
        content = self._call("GET", path, limit=limit + 1)
        if len(content) > limit:
            raise Refused(f"{path} has more than {limit} bytes.")
        return content

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        return json.loads(self._call(method, path, data=json.dumps(document).encode()))

    def _call(self, method: str, path: str, *, data: bytes | None = None, limit: int | None = None) -> bytes:
        request = urllib.request.Request(f"{self._url}{path}", data=data, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        # An artifact's download redirects to a storage host, which must not get the token.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read() if limit is None else response.read(limit)


def main() -> int:
    environment = os.environ
    repository = environment["GITHUB_REPOSITORY"]
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    try:
        line = publish(
            GitHub(environment["GITHUB_API_URL"], environment["GH_TOKEN"]),
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
