"""The preview that was reviewed: that of the merged pull request which made a commit of main.

    python3 .github/scripts/reviewed.py STACK DIRECTORY   DIRECTORY/STACK.json, or nothing and a line that says why

A preview counts where preview.yml made it, for the pull request's last commit, on a branch of this repository: a fork
has no preview, and what it says it has is its own claim.
"""

from __future__ import annotations

import os
import sys
import urllib.error
from pathlib import Path
from typing import Any

from github_api import Api, GitHub, Refused, file_in

WORKFLOW = "preview.yml"
_MAX_ARCHIVE_BYTES = 50_000_000
_MAX_PREVIEW_BYTES = 200_000_000


def merged_pull(api: Api, repository: str, sha: str) -> dict[str, Any]:
    """The pull request that became this commit. Raises `Refused`."""
    listed = api.get(f"/repos/{repository}/commits/{sha}/pulls?per_page=100")
    found = [pull for pull in listed if pull["merged_at"] and pull["merge_commit_sha"] == sha]
    if len(found) != 1:
        raise Refused(f"Commit {sha} came from no merged pull request.")
    return found[0]


def preview_of(api: Api, repository: str, pull: dict[str, Any], stack: str) -> bytes:
    """`pulumi preview --json` of the pull request's last commit. Raises `Refused`."""
    number, head = int(pull["number"]), pull["head"]["sha"]
    query = f"head_sha={head}&event=pull_request&status=completed&per_page=100"
    runs = api.get(f"/repos/{repository}/actions/workflows/{WORKFLOW}/runs?{query}")["workflow_runs"]
    own = int(pull["base"]["repo"]["id"])
    ours = [run for run in runs if run["head_sha"] == head and int((run["head_repository"] or {"id": 0})["id"]) == own]
    name = f"preview-{stack}"
    for run in sorted(ours, key=lambda run: int(run["id"]), reverse=True):
        listed = api.get(f"/repos/{repository}/actions/runs/{run['id']}/artifacts?per_page=100&name={name}")[
            "artifacts"
        ]
        found = [one for one in listed if one["name"] == name and not one["expired"]]
        if found:
            newest = max(found, key=lambda one: int(one["id"]))
            archive = api.get_bytes(f"/repos/{repository}/actions/artifacts/{newest['id']}/zip", _MAX_ARCHIVE_BYTES)
            return file_in(archive, f"{stack}.json", _MAX_PREVIEW_BYTES)
    raise Refused(f"Pull request #{number} has no preview of stack {stack} at its last commit, or it has expired.")


def main(arguments: list[str]) -> int:
    stack, directory = arguments
    repository, sha = os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_SHA"]
    try:
        api = GitHub.of_job()
        pull = merged_pull(api, repository, sha)
        content = preview_of(api, repository, pull, stack)
    except Refused as reason:
        print(f"::notice::{reason}")
        return 0
    except urllib.error.URLError as error:
        print(f"::error::{error}")
        return 1
    Path(directory).mkdir(parents=True, exist_ok=True)
    (Path(directory) / f"{stack}.json").write_bytes(content)
    print(f"Reviewed in #{int(pull['number'])}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
