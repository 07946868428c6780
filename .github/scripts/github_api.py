"""GitHub's REST and GraphQL API with the job's token. Standard library only: it runs on a bare runner."""

from __future__ import annotations

import io
import json
import os
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_MAX_PAGES = 50
_TRIES = 3
_PAUSE_SECONDS = 2.0
_SHOWN = 100


class Refused(Exception):
    """Something is not as it must be; nothing is written. The message says what."""


class Api(Protocol):
    def get(self, path: str) -> Any: ...

    def get_bytes(self, path: str, limit: int) -> bytes: ...

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any: ...

    def query(self, query: str, variables: Mapping[str, Any]) -> Any: ...


class GitHub:
    """The API at these addresses, as a job's environment names them."""

    def __init__(self, url: str, token: str, graphql_url: str = "") -> None:
        self._url = url
        self._token = token
        self._graphql_url = graphql_url or f"{url}/graphql"

    @classmethod
    def of_job(cls) -> GitHub:
        environment = os.environ
        return cls(environment["GITHUB_API_URL"], environment["GH_TOKEN"], environment["GITHUB_GRAPHQL_URL"])

    def get(self, path: str) -> Any:
        """Asked again where what came is no JSON, as when a proxy answers in its place. Raises URLError."""
        content = b""
        for tried in range(_TRIES):
            if tried:
                time.sleep(_PAUSE_SECONDS)
            content = self._call("GET", f"{self._url}{path}")
            try:
                return json.loads(content)
            except ValueError:
                continue
        raise urllib.error.URLError(f"{path} was answered {content[:_SHOWN]!r}, which is no JSON")

    def get_bytes(self, path: str, limit: int) -> bytes:
        content = self._call("GET", f"{self._url}{path}", limit=limit + 1)
        if len(content) > limit:
            raise Refused(f"{path} has more than {limit} bytes.")
        return content

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        return json.loads(self._call(method, f"{self._url}{path}", data=json.dumps(document).encode()))

    def query(self, query: str, variables: Mapping[str, Any]) -> Any:
        data = json.dumps({"query": query, "variables": variables}).encode()
        answer = json.loads(self._call("POST", self._graphql_url, data=data))
        # It answers 200 with errors inside.
        if answer.get("errors"):
            raise Refused(f"GitHub's GraphQL API: {answer['errors'][0].get('message', 'no message')}")
        return answer["data"]

    def _call(self, method: str, url: str, *, data: bytes | None = None, limit: int | None = None) -> bytes:
        request = urllib.request.Request(url, data=data, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        # An artifact's download redirects to a storage host, which must not get the token.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read() if limit is None else response.read(limit)


def file_in(archive: bytes, name: str, limit: int) -> bytes:
    """One file of an artifact's zip, read in memory; limit: its bytes. Raises `Refused`, also where it is not there."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened, opened.open(name) as file:
            # The size in the zip's directory is its author's claim: count.
            content = file.read(limit + 1)
    except KeyError:
        raise Refused(f"The artifact holds no {name}.") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused(f"The artifact is not a plain zip: {type(error).__name__}.") from None
    if len(content) > limit:
        raise Refused(f"{name} has more than {limit} bytes.")
    return content


@dataclass(frozen=True, kw_only=True)
class Written:
    """A comment or an issue of the token's own."""

    number: int
    """A comment's id, an issue's number."""
    body: str


# `viewerDidAuthor` and not a login: REST calls the same bot `github-actions[bot]`, GraphQL `github-actions`, and an
# app's token is another one (https://github.com/cli/cli/pull/6384).
_COMMENTS = """query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    found: comments(first: 100, after: $after) {
      nodes { number: databaseId viewerDidAuthor body } pageInfo { hasNextPage endCursor } } } } }"""
_ISSUES = """query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    found: issues(states: OPEN, first: 100, after: $after) {
      nodes { number viewerDidAuthor body } pageInfo { hasNextPage endCursor } } } }"""


def own_comment(api: Api, repository: str, number: int, marker: str) -> Written | None:
    """The pull request's comment by the token's owner that begins with the marker: anybody can write a marker."""
    return next(
        (one for one in _own(api, repository, _COMMENTS, {"number": number}) if one.body.startswith(marker)), None
    )


def own_issue(api: Api, repository: str, marker: str) -> Written | None:
    """The open issue by the token's owner that begins with the marker."""
    return next((one for one in _own(api, repository, _ISSUES, {}) if one.body.startswith(marker)), None)


def _own(api: Api, repository: str, query: str, variables: Mapping[str, Any]) -> Iterator[Written]:
    owner, _, name = repository.partition("/")
    after = None
    for _ in range(_MAX_PAGES):
        answer = api.query(query, {**variables, "owner": owner, "name": name, "after": after})["repository"]
        found = answer.get("pullRequest", answer)["found"]
        for node in found["nodes"]:
            if node["viewerDidAuthor"]:
                yield Written(number=int(node["number"]), body=node["body"])
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]
    raise Refused(f"More than {_MAX_PAGES * 100} to look through in {repository}: nothing is written.")


def keep_issue(api: Api, repository: str, *, marker: str, title: str, body: str | None) -> str:
    """One open issue while there is something to say: opened, edited, and closed once body is None.

    Returns a line that says what was done.
    """
    earlier = own_issue(api, repository, marker)
    if body is None:
        if earlier is None:
            return "Nothing to report, and no issue is open."
        path = f"/repos/{repository}/issues/{earlier.number}"
        api.send("POST", f"{path}/comments", {"body": f"It holds again: {run_url()}"})
        api.send("PATCH", path, {"state": "closed", "state_reason": "completed"})
        return f"Closed #{earlier.number}."
    document = {"title": title, "body": f"{marker}\n{body}"[:65_000]}
    if earlier is None:
        made = api.send("POST", f"/repos/{repository}/issues", document)
        return f"Opened #{made['number']}."
    api.send("PATCH", f"/repos/{repository}/issues/{earlier.number}", document)
    return f"Edited #{earlier.number}."


def run_url() -> str:
    environment = os.environ
    return (
        f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
        f"/actions/runs/{environment['GITHUB_RUN_ID']}"
    )
