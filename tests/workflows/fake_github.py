"""A GitHub for the jobs to talk to: the part of its API that the workflows use, over the scene's artifacts."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = "example/mesh"
TOKEN = "the-jobs-token"
_REPO = f"/repos/{REPOSITORY}"


class FakeGitHub:
    """What it answers from, and what it was sent."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        """<run id>/<name>/<files>."""
        self.pulls: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.tip = ""
        """The commit that main is at."""
        self.written: list[str] = []
        """`METHOD path` of every call that changed something."""
        self.url = ""

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Any:
        if path == "/graphql":
            return self._graphql(document)
        if method != "GET":
            self.written.append(f"{method} {path.removeprefix(_REPO)}")
            return self._write(method, path.removeprefix(_REPO), document)
        match path.removeprefix(_REPO).strip("/").split("/"):
            case ["pulls"]:
                heads = (f"{p['head']['repo']['owner']['login']}:{p['head']['ref']}" for p in self.pulls)
                return [
                    p for p, head in zip(self.pulls, heads, strict=True) if head == query["head"] and not p["merged_at"]
                ]
            case ["commits", "main"]:
                return self.tip.encode()
            case ["commits", sha, "pulls"]:
                return [pull for pull in self.pulls if pull["merge_commit_sha"] == sha]
            case ["actions", "workflows", "preview.yml", "runs"]:
                return {"workflow_runs": [run for run in self.runs if run["head_sha"] == query["head_sha"]]}
            case ["actions", "runs", run, "artifacts"]:
                names = sorted(path.name for path in (self.artifacts / run).glob(query["name"]))
                return {"artifacts": [self._artifact(run, name) for name in names]}
            case ["actions", "artifacts", identifier, "zip"]:
                return self._zip(int(identifier))
            case other:
                raise LookupError(f"no answer to {other}")

    def _artifact(self, run: str, name: str) -> dict[str, Any]:
        everything = sorted(self.artifacts.glob("*/*"))
        identifier = everything.index(self.artifacts / run / name)
        return {"id": identifier, "name": name, "expired": False, "size_in_bytes": 1000}

    def _zip(self, identifier: int) -> bytes:
        root = sorted(self.artifacts.glob("*/*"))[identifier]
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(root))
        return written.getvalue()

    def _graphql(self, document: Any) -> Any:
        """One of the two lists: with `number` a pull request's comments, else the open issues."""
        number = document["variables"].get("number")
        found = self.issues if number is None else [one for one in self.comments if one["pull"] == number]
        nodes = [one for one in found if one.get("state", "open") == "open"]
        page = {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}
        return {"data": {"repository": {"found": page} if number is None else {"pullRequest": {"found": page}}}}

    def _write(self, method: str, path: str, document: Any) -> Any:
        if match := re.fullmatch(r"/issues/comments/(\d+)", path):
            return _edit(self.comments, int(match[1]), document)
        if match := re.fullmatch(r"/issues/(\d+)", path):
            return _edit(self.issues, int(match[1]), document)
        if match := re.fullmatch(r"/issues/(\d+)/comments", path):
            made = {"number": 900 + len(self.comments), "pull": int(match[1]), "viewerDidAuthor": True, **document}
            self.comments.append(made)
            return made
        assert (method, path) == ("POST", "/issues"), (method, path)
        made = {"number": 40 + len(self.issues), "viewerDidAuthor": True, "state": "open", **document}
        self.issues.append(made)
        return made


def _edit(listed: list[dict[str, Any]], number: int, document: Any) -> dict[str, Any]:
    (found,) = [one for one in listed if one["number"] == number]
    assert found["viewerDidAuthor"], "the token may not edit another's"
    found.update(document)
    return found


@contextmanager
def serving(github: FakeGitHub) -> Generator[FakeGitHub]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            path, _, query = self.path.partition("?")
            asked = dict(
                part.split("=", 1) for part in query.replace("%3A", ":").replace("%2F", "/").split("&") if part
            )
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.send_error(401)
                return
            try:
                answer = github.answer(self.command, path, asked, json.loads(body or "null"))
            except (LookupError, AssertionError, ValueError) as error:
                self.send_error(422, repr(error)[:200])
                return
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815 (http.server's names)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
