"""The comment on a fork's plan (.github/scripts/plan_comment.py): what a stranger's artifact cannot do."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshops.plan import diff
from tests import ROOT
from tests.unit.workflows.workflow_scripts import load

SCRIPT = ROOT / ".github" / "scripts" / "plan_comment.py"
SHA = "a" * 40
REPOSITORY = "example/mesh"
URL = "https://github.com/example/mesh"


script = load(SCRIPT)


def event(**changes: Any) -> dict[str, Any]:
    run = {
        "id": 7,
        "head_sha": SHA,
        "head_branch": "fix#1&state=closed",
        "head_repository": {"id": 99, "owner": {"login": "stranger"}},
        "conclusion": "success",
        "pull_requests": [],
    }
    return {"workflow_run": {**run, **changes}}


def pull(number: int = 12, *, sha: str = SHA, repository: int = 99) -> dict[str, Any]:
    return {"number": number, "head": {"sha": sha, "repo": {"id": repository}}}


def artifact(identifier: int, name: str, *, size: int = 1000, expired: bool = False) -> dict[str, Any]:
    return {"id": identifier, "name": name, "size_in_bytes": size, "expired": expired}


def archive(files: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return written.getvalue()


class FakeApi:
    """Answers what it was told to, records what was sent, and knows no other path."""

    def __init__(
        self, *, pulls: list[Any], artifacts: list[Any], archives: dict[int, bytes], comments: list[Any]
    ) -> None:
        self.sent: list[tuple[str, str, Mapping[str, Any]]] = []
        self._archives = {f"/repos/{REPOSITORY}/actions/artifacts/{key}/zip": data for key, data in archives.items()}
        self._answers = {
            f"/repos/{REPOSITORY}/pulls?state=open&per_page=100&head=stranger%3Afix%231%26state%3Dclosed": pulls,
            f"/repos/{REPOSITORY}/actions/runs/7/artifacts?per_page=100": {"artifacts": artifacts},
            f"/repos/{REPOSITORY}/issues/12/comments?per_page=100&page=1": comments,
        }

    def get(self, path: str) -> Any:
        return self._answers[path]

    def get_bytes(self, path: str, limit: int) -> bytes:
        assert limit == script.MAX_ARCHIVE_BYTES
        return self._archives[path]

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        self.sent.append((method, path, document))


def api(**changes: Any) -> FakeApi:
    answers: dict[str, Any] = {
        "pulls": [pull()],
        "artifacts": [artifact(1, "plan-dev"), artifact(2, "topology-dev.svg"), artifact(3, "something-else")],
        "archives": {1: archive({"diff.md": "| a | b |\n", "summary.md": "unused"})},
        "comments": [],
    }
    return FakeApi(**{**answers, **changes})


def publish(fake: FakeApi, **changes: Any) -> str:
    return script.publish(fake, script.Run.of(event(**changes)), repository=REPOSITORY, repository_url=URL)


EXPECTED = f"""<!-- offline-plan -->

### Offline plan of `aaaaaaaaaaaa`, compared with the base branch

Made without credentials, by the pull request's own code: it shows what that code claims, and nobody has verified it. \
[The run]({URL}/actions/runs/7) has it rendered, with a summary of what will exist.

<details><summary>Stack <code>dev</code></summary>

```text
 | a | b |
```

[Picture of the stack]({URL}/actions/runs/7/artifacts/2) (drawn by the same code)

</details>"""


def test_the_plan_of_a_fork_is_commented_on_the_pull_request_that_has_its_commit() -> None:
    fake = api()
    assert publish(fake) == "Commented on #12."
    assert fake.sent == [("POST", f"/repos/{REPOSITORY}/issues/12/comments", {"body": EXPECTED})]


def test_our_own_comment_is_edited_and_a_strangers_with_our_marker_is_not() -> None:
    comments = [
        {"id": 51, "user": {"login": "stranger"}, "body": f"{script.MARKER}\n"},
        {"id": 52, "user": None, "body": f"{script.MARKER}\n"},
        {"id": 53, "user": {"login": script.AUTHOR}, "body": f"Something else. {script.MARKER}"},
        {"id": 54, "user": {"login": script.AUTHOR}, "body": f"{script.MARKER}\nearlier"},
    ]
    fake = api(comments=comments)
    assert publish(fake) == "Edited the comment on #12."
    assert fake.sent == [("PATCH", f"/repos/{REPOSITORY}/issues/comments/54", {"body": EXPECTED})]


@pytest.mark.parametrize(
    "pulls",
    [[], [pull(sha="b" * 40)], [pull(repository=1)], [{"number": 12, "head": {"sha": SHA, "repo": None}}]],
    ids=["closed", "has moved on", "another repository's branch of that name", "the fork is gone"],
)
def test_a_run_without_an_open_pull_request_at_its_commit_comments_nothing(pulls: list[Any]) -> None:
    fake = api(pulls=pulls)
    assert publish(fake) == "No open pull request has this commit as its head: nothing to comment."
    assert fake.sent == []


def test_a_run_that_left_no_plan_comments_nothing_unless_an_earlier_comment_would_mislead() -> None:
    fake = api(artifacts=[])
    assert publish(fake) == "The run left no offline plan: nothing to comment."
    assert fake.sent == []
    fake = api(artifacts=[], comments=[{"id": 54, "user": {"login": script.AUTHOR}, "body": script.MARKER}])
    assert publish(fake, conclusion="failure") == "Edited the comment on #12."
    ((_, _, document),) = fake.sent
    assert "**The run ended with `failure`: a plan that is missing here was not made.**" in document["body"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archives": {1: b"not a zip"}}, "The plan is not a plain zip: BadZipFile."),
        ({"archives": {1: archive({"../diff.md": "x"})}}, "The plan holds no diff.md."),
        ({"archives": {1: archive({"diff.md": "x" * 1_000_001})}}, "diff.md has more than 1000000 bytes."),
        ({"artifacts": [artifact(1, "plan-dev", size=5_000_001)]}, "plan-dev has 5000001 bytes, over 5000000."),
        ({"artifacts": [artifact(n, f"plan-s{n}") for n in range(9)]}, "The run has 9 plans; at most 8 are commented."),
        ({"pulls": [pull(12), pull(13)]}, f"Commit {SHA} is the head of 2 pull requests: which one is not certain."),
    ],
    ids=["not a zip", "another file", "a bomb", "a large archive", "many plans", "two pull requests"],
)
def test_what_is_not_as_it_must_be_is_refused_before_anything_is_written(changes: dict[str, Any], message: str) -> None:
    fake = api(**changes)
    with pytest.raises(script.Refused) as refused:
        publish(fake)
    assert str(refused.value) == message
    assert fake.sent == []


def test_only_plain_names_are_plans_and_the_newest_of_a_rerun_counts() -> None:
    names = ("plan-<b>", "plan-", "plan-dev/x", "plan-dev\n", "xplan-dev", "plan-" + "a" * 32)
    listed = [
        artifact(5, "plan-dev"),
        artifact(4, "plan-dev"),
        artifact(6, "plan-prod", expired=True),
        *(artifact(9, name) for name in names),
    ]
    assert {stack: found["id"] for stack, found in script.plan_artifacts(listed).items()} == {"dev": 5}


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("`~\n\r\t </>@#![]()"))), st.integers(10, 200))
def test_no_text_leaves_its_code_block(text: str, limit: int) -> None:
    first, *inner, last = script.literal(text, limit).split("\n")
    assert first == f"{last}text"
    assert set(last) == {"`"}
    assert len(last) >= 3
    assert all(last not in line for line in inner), "a line inside could close the block"
    assert all(line.startswith(" ") for line in inner if line), "a command would stand at the beginning of a line"
    assert all(character.isprintable() or character == "\t" for line in inner for character in line)
    assert sum(map(len, inner)) <= limit + 50


def test_a_hostile_plan_is_shown_as_text() -> None:
    hostile = "```\n</details>\n@everyone ![x](https://evil.example/x.png)\n/deploy prod\n\u202e\u200b\x1b[2J"
    shown = script.literal(hostile, 1000)
    assert shown.split("\n") == [
        "````text",
        " ```",
        " </details>",
        " @everyone ![x](https://evil.example/x.png)",
        " /deploy prod",
        " \ufffd\ufffd\ufffd[2J",
        "````",
    ]


@pytest.mark.parametrize("text", ["x", "`", "` ", "\n", "é"])
def test_plans_of_any_length_fit_into_a_comment(text: str) -> None:
    plans = [script.Plan(stack=f"s{n}", diff=text * 400_000, picture_id=n) for n in range(script.MAX_PLANS)]
    body = script.comment(script.Run.of(event()), plans, repository_url=URL)
    assert len(body) <= 65_536
    assert body.count("<details>") == body.count("</details>") == script.MAX_PLANS


def test_what_a_plan_says_it_destroys_stands_in_the_line_that_everybody_sees() -> None:
    group = "aws:cloudwatch/logGroup:LogGroup::audit"
    replaced = {f"aws:eks/nodeGroup:NodeGroup::{name}": ("instanceTypes",) for name in ("a", "b")}
    comparison = diff.Comparison(added=(), removed=(group,), changed={}, unchanged=0, replaced=replaced)
    text = diff.render(comparison, stack="prod")
    body = script.comment(script.Run.of(event()), [script.Plan(stack="prod", diff=text)], repository_url=URL)
    line = "<details open><summary>Stack <code>prod</code> (2 REPLACED, 1 lost with what is in it)</summary>"
    assert line in body.splitlines()


@pytest.mark.parametrize(
    "text",
    [
        "## Plan of stack `prod`: 1 added, 0 removed, 0 changed",
        "## Plan of stack `prod`: <b>2</b> REPLACED, 1 added",
        "## Plan of stack `@everyone`: 2 REPLACED, 1 added",
        "say\n## Plan of stack `prod`: 2 REPLACED, 1 added",
        "",
    ],
)
def test_a_stranger_puts_no_words_of_his_own_into_that_line(text: str) -> None:
    assert script.warning(text) == ""


def test_the_token_does_not_follow_a_download_to_the_storage_host() -> None:
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization")))
            if self.path == "/zip":
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{server.server_port}/blob")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps("0123456789").encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        github = script.GitHub(f"http://127.0.0.1:{server.server_port}", "the-token")
        assert github.get_bytes("/zip", 12) == b'"0123456789"'
        with pytest.raises(script.Refused) as refused:
            github.get_bytes("/zip", 11)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert str(refused.value) == "/zip has more than 11 bytes."
    assert seen == [("/zip", "Bearer the-token"), ("/blob", None)] * 2
