"""The comment on a pull request (.github/scripts/review_comment.py): what a stranger's artifact cannot do."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.error import URLError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ROOT
from tests.unit.workflows.workflow_scripts import load

SCRIPTS = ROOT / ".github" / "scripts"
SHA = "a" * 40
REPOSITORY = "example/mesh"
URL = "https://github.com/example/mesh"
OURS = 1
FORK = 99

script = load(SCRIPTS / "review_comment.py")
github_api = load(SCRIPTS / "github_api.py")
literal = load(SCRIPTS / "literal.py").literal


def event(*, repository: int = OURS, **changes: Any) -> dict[str, Any]:
    run = {
        "id": 7,
        "head_sha": SHA,
        "head_branch": "fix#1&state=closed",
        "head_repository": {"id": repository, "owner": {"login": "somebody"}},
        "conclusion": "success",
        "pull_requests": [],
    }
    return {"workflow_run": {**run, **changes}}


def pull(number: int = 12, *, sha: str = SHA, repository: int = OURS, login: str = "somebody") -> dict[str, Any]:
    return {
        "number": number,
        "head": {"sha": sha, "repo": {"id": repository}},
        "base": {"repo": {"id": OURS}},
        "user": {"login": login},
    }


def artifact(identifier: int, *, size: int = 1000, expired: bool = False) -> dict[str, Any]:
    return {"id": identifier, "name": "review", "size_in_bytes": size, "expired": expired}


def archive(files: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return written.getvalue()


def review(comment: str = f"{script.MARKER}\n**All** is well.", verdict: str = "{}") -> bytes:
    return archive({"comment.md": comment, "verdict.json": verdict})


class FakeApi:
    """Answers what it was told to, records what was sent, and knows no other path."""

    def __init__(self, **changes: Any) -> None:
        answers = {"pulls": [pull()], "artifacts": [artifact(1)], "archives": {1: review()}, "comments": [], **changes}
        self.sent: list[tuple[str, str, Mapping[str, Any]]] = []
        self._archives = {
            f"/repos/{REPOSITORY}/actions/artifacts/{key}/zip": data for key, data in answers["archives"].items()
        }
        self._comments = answers["comments"]
        self._answers = {
            f"/repos/{REPOSITORY}/pulls?state=open&per_page=100&head=somebody%3Afix%231%26state%3Dclosed": answers[
                "pulls"
            ],
            f"/repos/{REPOSITORY}/actions/runs/7/artifacts?per_page=100&name=review": {
                "artifacts": answers["artifacts"]
            },
        }

    def get(self, path: str) -> Any:
        return self._answers[path]

    def get_bytes(self, path: str, limit: int) -> bytes:
        assert limit == script.MAX_ARCHIVE_BYTES
        return self._archives[path]

    def query(self, query: str, variables: Mapping[str, Any]) -> Any:
        assert {**variables, "after": None} == {"owner": "example", "name": "mesh", "number": 12, "after": None}
        # Two a page.
        begin = int(variables["after"] or 0)
        more = {"hasNextPage": begin + 2 < len(self._comments), "endCursor": str(begin + 2)}
        page = {"nodes": self._comments[begin : begin + 2], "pageInfo": more}
        return {"repository": {"pullRequest": {"found": page}}}

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        self.sent.append((method, path, document))


def publish(fake: FakeApi, **changes: Any) -> str:
    return script.publish(fake, script.Run.of(event(**changes)), repository=REPOSITORY, repository_url=URL)


EXPECTED = f"""<!-- zero-trust-mesh:review -->

**All** is well.

<sub>`aaaaaaaaaaaa`, [the run]({URL}/actions/runs/7)</sub>"""


def test_a_members_review_is_shown_as_markdown_on_the_pull_request_that_has_its_commit() -> None:
    fake = FakeApi()
    assert publish(fake) == "Commented on #12."
    assert fake.sent == [("POST", f"/repos/{REPOSITORY}/issues/12/comments", {"body": EXPECTED})]


@pytest.mark.parametrize(("repository", "login"), [(FORK, "somebody"), (OURS, "dependabot[bot]")])
def test_a_strangers_review_is_shown_as_text(repository: int, login: str) -> None:
    hostile = review(
        "```\n@everyone [x](https://evil.example)", json.dumps({"refused": ["dev", "<b>"], "findings": [1, 2]})
    )
    fake = FakeApi(pulls=[pull(repository=repository, login=login)], archives={1: hostile})
    publish(fake, repository=repository)
    ((_, _, document),) = fake.sent
    lines = document["body"].splitlines()
    assert lines[2] == "### What `aaaaaaaaaaaa` would change, by its own account (refused: dev; findings: 2)"
    assert lines[-4:] == ["````text", " ```", " @everyone [x](https://evil.example)", "````"]


def test_our_own_comment_is_edited_and_a_strangers_with_our_marker_is_not() -> None:
    comments = [
        {"number": 51, "viewerDidAuthor": False, "body": f"{script.MARKER}\n"},
        {"number": 52, "viewerDidAuthor": False, "body": f"{script.MARKER}\n"},
        {"number": 53, "viewerDidAuthor": True, "body": f"Something else. {script.MARKER}"},
        {"number": 54, "viewerDidAuthor": True, "body": f"{script.MARKER}\nearlier"},
    ]
    fake = FakeApi(comments=comments)
    assert publish(fake) == "Edited the comment on #12."
    assert fake.sent == [("PATCH", f"/repos/{REPOSITORY}/issues/comments/54", {"body": EXPECTED})]


@pytest.mark.parametrize(
    "pulls",
    [[], [pull(sha="b" * 40)], [pull(repository=2)], [{"number": 12, "head": {"sha": SHA, "repo": None}}]],
    ids=["closed", "has moved on", "another repository's branch of that name", "the fork is gone"],
)
def test_a_run_without_an_open_pull_request_at_its_commit_comments_nothing(pulls: list[Any]) -> None:
    fake = FakeApi(pulls=pulls)
    assert publish(fake) == "No open pull request has this commit as its head: nothing to post."
    assert fake.sent == []


def test_a_run_that_left_no_review_says_so_instead_of_leaving_an_earlier_one_to_mislead() -> None:
    fake = FakeApi(artifacts=[artifact(1, expired=True)])
    assert publish(fake, conclusion="failure") == "Commented on #12."
    ((_, _, document),) = fake.sent
    assert "**The run ended with `failure` before it could say what would change**" in document["body"]


def test_the_newest_of_a_rerun_counts() -> None:
    fake = FakeApi(artifacts=[artifact(5), artifact(4)], archives={5: review()})
    assert publish(fake) == "Commented on #12."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archives": {1: b"not a zip"}}, "The artifact is not a plain zip: BadZipFile."),
        ({"archives": {1: archive({"../comment.md": "x"})}}, "The artifact holds no comment.md."),
        ({"archives": {1: review("x" * 1_000_001)}}, "comment.md has more than 1000000 bytes."),
        ({"archives": {1: review(verdict="x" * 100_001)}}, "verdict.json has more than 100000 bytes."),
        ({"archives": {1: review(verdict="{")}}, "verdict.json is not JSON."),
        ({"archives": {1: review(verdict="[" * 50_000)}}, "verdict.json is not JSON."),
        ({"archives": {1: review(verdict="[]")}}, "verdict.json is not an object."),
        ({"artifacts": [artifact(1, size=5_000_001)]}, "The artifact has 5000001 bytes, over 5000000."),
        ({"pulls": [pull(12), pull(13)]}, f"Commit {SHA} is the head of 2 pull requests: which one is not certain."),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_before_anything_is_written(changes: dict[str, Any], message: str) -> None:
    fake = FakeApi(**changes)
    with pytest.raises(script.Refused) as refused:
        publish(fake)
    assert str(refused.value) == message
    assert fake.sent == []


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("`~\n\r\t </>@#![]()"))), st.integers(10, 200))
def test_no_text_leaves_its_code_block(text: str, limit: int) -> None:
    first, *inner, last = literal(text, limit).split("\n")
    assert first == f"{last}text"
    assert set(last) == {"`"}
    assert len(last) >= 3
    assert all(last not in line for line in inner), "a line inside could close the block"
    assert all(line.startswith(" ") for line in inner if line), "a command would stand at the beginning of a line"
    assert all(character.isprintable() or character == "\t" for line in inner for character in line)
    assert sum(map(len, inner)) <= limit + 50


def test_a_hostile_plan_is_shown_as_text() -> None:
    hostile = "```\n</details>\n@everyone ![x](https://evil.example/x.png)\n/deploy prod\n\u202e\u200b\x1b[2J"
    shown = literal(hostile, 1000)
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
@pytest.mark.parametrize("trusted", [True, False])
def test_a_review_of_any_length_fits_into_a_comment(text: str, trusted: bool) -> None:
    shown = script.Review(comment=text * 900_000, verdict={})
    run, found = script.Run.of(event()), script.Pull(number=1, trusted=trusted)
    assert len(script.body(run, found, shown, repository_url=URL)) <= 65_536


@pytest.mark.parametrize(
    "verdict",
    [
        {"refused": ["<b>", 7, None]},
        {"refused": 7},
        {"failed": "prod" * 100},
        {"findings": "many"},
        {"findings": 0},
        {},
    ],
)
def test_a_stranger_puts_no_words_of_his_own_into_the_line_that_everybody_sees(verdict: dict[str, Any]) -> None:
    assert script.claims(verdict) == ""


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
        github = github_api.GitHub(f"http://127.0.0.1:{server.server_port}", "the-token")
        assert github.get_bytes("/zip", 12) == b'"0123456789"'
        with pytest.raises(github_api.Refused) as refused:
            github.get_bytes("/zip", 11)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert str(refused.value) == "/zip has more than 11 bytes."
    assert seen == [("/zip", "Bearer the-token"), ("/blob", None)] * 2


@pytest.mark.parametrize(
    ("answers", "asked"), [([b"", b"<html>", b'{"a": 1}'], 3), ([b'{"a": 1}'], 1)], ids=["no JSON twice", "at once"]
)
def test_what_is_no_json_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, answers: list[bytes], asked: int) -> None:
    github, calls = _answering(monkeypatch, answers)
    assert github.get("/pulls") == {"a": 1}
    assert len(calls) == asked


def test_what_stays_no_json_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    github, calls = _answering(monkeypatch, [b"<html>" + b"x" * 200] * 9)
    with pytest.raises(URLError, match=r"/pulls was answered b'<html>x{94}', which is no JSON"):
        github.get("/pulls")
    assert len(calls) == 3


def _answering(monkeypatch: pytest.MonkeyPatch, answers: list[bytes]) -> tuple[Any, list[str]]:
    github, calls, left = github_api.GitHub("https://api.example.com", "the-token"), [], iter(answers)

    def answer(method: str, url: str) -> bytes:
        calls.append(f"{method} {url}")
        return next(left)

    monkeypatch.setattr(github, "_call", answer)
    monkeypatch.setattr(github_api, "_PAUSE_SECONDS", 0.0)
    return github, calls
