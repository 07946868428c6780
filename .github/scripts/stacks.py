"""Which stacks a pull request touches, and how each of them is previewed.

    python3 .github/scripts/stacks.py touched       in a job of preview.yml: writes `preview` and `plan`
    python3 .github/scripts/stacks.py region prod   in a job of deploy-stack.yml: writes `region`

Standard library only: it runs on a bare runner, before anything is installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

# `make lab` runs it against stand-ins; there is nothing on AWS to preview.
LOCAL_STACKS = frozenset({"lab"})

_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")
_STACK_FILE = re.compile(r"Pulumi\.([^/]+)\.yaml")
_REGION = re.compile(r"^\s+aws:region:\s*[\"']?([a-z]{2}(?:-[a-z]+)+-\d)[\"']?\s*(?:#.*)?$", re.MULTILINE)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")

# Whatever is not listed touches every stack: a directory that somebody adds tomorrow is previewed until it is
# known to be harmless.
_HARMLESS_DIRECTORIES = (
    ".ci/",
    ".github/",
    "docs/",
    "examples/",
    "lab/",
    "meshops/",
    "offline/",
    "tests/",
    "validation/",
)
_HARMLESS_FILES = frozenset(
    {
        ".editorconfig",
        ".gitattributes",
        ".gitignore",
        ".pre-commit-config.yaml",
        "LICENSE",
        "Makefile",
        "pyproject.toml",
    }
)
_HARMLESS_ENDINGS = (".md", "requirements-dev.txt")


class Misconfigured(Exception):
    """The repository's variables or a stack file cannot be used; the message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One real preview: a row of the job matrix."""

    stack: str
    region: str
    role: str
    """ARN of the read-only role."""
    backend: str
    """URL of the state, e.g. `s3://bucket?region=eu-west-1`."""


def stacks_of(files: Iterable[str]) -> tuple[str, ...]:
    """The stacks on AWS, by the stack files that lie beside `Pulumi.yaml`. files: paths from the root."""
    names = {match[1] for file in files if (match := _STACK_FILE.fullmatch(file))}
    return tuple(sorted(name for name in names - LOCAL_STACKS if _STACK.fullmatch(name)))


def touched(changed: Iterable[str], stacks: Iterable[str]) -> tuple[str, ...]:
    """The stacks that a change may alter.

    changed: the paths that were added, modified or deleted; of a rename both. stacks: those that exist after it.
    """
    existing = tuple(stacks)
    hit: set[str] = set()
    for path in changed:
        if match := _STACK_FILE.fullmatch(path):
            hit.add(match[1])
        elif not _harmless(path):
            return existing
    return tuple(stack for stack in existing if stack in hit)


def split(
    stacks: Iterable[str], *, regions: Mapping[str, str], variables: Mapping[str, str], trusted: bool
) -> tuple[tuple[Preview, ...], tuple[str, ...]]:
    """Real previews, and the stacks of which only the offline plan can be shown.

    variables: the repository's, with upper-case names; a stack `dev` reads PREVIEW_ROLE_DEV and
    PULUMI_BACKEND_URL_DEV. trusted: the head is a branch of this repository. Raises `Misconfigured` where half of a
    pair is set, rather than quietly showing the lesser thing.
    """
    previews: list[Preview] = []
    planned: list[str] = []
    for stack in stacks:
        key = stack.upper().replace("-", "_")
        names = (f"PREVIEW_ROLE_{key}", f"PULUMI_BACKEND_URL_{key}")
        role, backend = (variables.get(name, "").strip() for name in names)
        if not trusted or not (role or backend):
            planned.append(stack)
        elif not backend:
            raise Misconfigured(f"{names[0]} is set and {names[1]} is not: set both, or neither for offline plans.")
        elif not role:
            # Deployed from here, but without a role for previews: a legitimate choice.
            planned.append(stack)
        elif not _ROLE.fullmatch(role):
            raise Misconfigured(f"{names[0]} is {role!r}, which is not the ARN of an IAM role.")
        else:
            previews.append(Preview(stack=stack, region=regions[stack], role=role, backend=backend))
    return tuple(previews), tuple(planned)


def region_of(stack: str, text: str) -> str:
    """`aws:region` of a stack file's text."""
    match = _REGION.search(text)
    if match is None:
        raise Misconfigured(f"Pulumi.{stack}.yaml names no `aws:region`: add it under `config`.")
    return match[1]


def _harmless(path: str) -> bool:
    return path in _HARMLESS_FILES or path.startswith(_HARMLESS_DIRECTORIES) or path.endswith(_HARMLESS_ENDINGS)


def _changed_files() -> list[str]:
    # actions/checkout leaves the merge of head into base: its first parent is the base as it is now.
    command = ["git", "diff", "--name-only", "--no-renames", "-z", "HEAD^1", "HEAD"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in listing.split("\0") if path]


def _write_outputs(outputs: Mapping[str, str]) -> None:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        for name, value in outputs.items():
            file.write(f"{name}={value}\n")
            print(f"{name}={value}")


def _write_touched(root: Path) -> None:
    stacks = touched(_changed_files(), stacks_of(path.name for path in root.iterdir()))
    previews, planned = split(
        stacks,
        regions={stack: _read_region(root, stack) for stack in stacks},
        # Empty where GitHub hands none over, as to a fork.
        variables=json.loads(os.environ["VARIABLES"] or "{}") or {},
        trusted=os.environ["TRUSTED"] == "true",
    )
    # JSON on one line: no value can add an output of its own.
    rows = [asdict(preview) for preview in previews]
    _write_outputs({"preview": json.dumps(rows), "plan": json.dumps(planned)})


def _read_region(root: Path, stack: str) -> str:
    return region_of(stack, (root / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    root = Path.cwd()
    try:
        match arguments:
            case ["touched"]:
                _write_touched(root)
            case ["region", stack] if _STACK.fullmatch(stack):
                _write_outputs({"region": _read_region(root, stack)})
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except Misconfigured as error:
        print(f"::error::{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
