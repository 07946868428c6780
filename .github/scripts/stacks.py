"""Which stacks a pull request touches, and how each of them is previewed.

    python3 .github/scripts/stacks.py touched       in preview.yml: writes `preview`, a job matrix
    python3 .github/scripts/stacks.py watched       in drift.yml: writes `preview` and `verify`, job matrices
    python3 .github/scripts/stacks.py deployed      in deploy.yml: fails where a stack is deployed and its file is gone
    python3 .github/scripts/stacks.py sandbox       in sandbox.yml: writes the sandbox's stack and where it runs
    python3 .github/scripts/stacks.py region prod   in deploy-stack.yml: writes `region`

Standard library only: it runs on a bare runner, before anything is installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# `make lab` runs it against stand-ins; there is nothing on AWS to preview.
LOCAL_STACKS = frozenset({"lab"})

DEFAULT_RUNNER = "ubuntu-latest"

_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")
_STACK_FILE = re.compile(r"Pulumi\.([^/]+)\.yaml")
_REGION = re.compile(r"^\s+aws:region:\s*[\"']?([a-z]{2}(?:-[a-z]+)+-\d)[\"']?\s*(?:#.*)?$", re.MULTILINE)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_RUNNER = re.compile(r"[\w.-]+(?:\{0\}-\{1\})?")

# Whatever is not listed touches every stack: a directory that somebody adds tomorrow is previewed until it is
# known to be harmless.
_HARMLESS_DIRECTORIES = (
    ".ci/",
    ".github/",
    "bootstrap/",
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
    runner: str = DEFAULT_RUNNER
    """The label of the runner; `{0}` and `{1}` in it are the run's id and attempt, as CodeBuild's runners want them
    (https://docs.aws.amazon.com/codebuild/latest/userguide/action-runner-questions.html)."""


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
        key = variable_key(stack)
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
            runner = runner_of(f"PREVIEW_RUNNER_{key}", variables)
            previews.append(Preview(stack=stack, region=regions[stack], role=role, backend=backend, runner=runner))
    return tuple(previews), tuple(planned)


def variable_key(stack: str) -> str:
    """How a stack is called in a variable's name: `EU_TEST` for `eu-test`."""
    return stack.upper().replace("-", "_")


def runner_of(name: str, variables: Mapping[str, str]) -> str:
    """The label that a variable names. Raises `Misconfigured`."""
    label = variables.get(name, "").strip() or DEFAULT_RUNNER
    if not _RUNNER.fullmatch(label):
        raise Misconfigured(
            f"{name} is {label!r}, which is not a runner's label, nor one that ends with `{{0}}-{{1}}`."
        )
    return label


def watched(
    stacks: Iterable[str], *, regions: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[tuple[Preview, ...], tuple[Preview, ...]]:
    """What each night looks at: whose state is previewed, and whose cluster is proved by traffic.

    The proofs make pods, so they have a role of their own (VERIFY_ROLE_<STACK>) and a runner that reaches the cluster.
    """
    previews, _ = split(stacks, regions=regions, variables=variables, trusted=True)
    verified = []
    for preview in previews:
        name = f"VERIFY_ROLE_{variable_key(preview.stack)}"
        if role := variables.get(name, "").strip():
            if not _ROLE.fullmatch(role):
                raise Misconfigured(f"{name} is {role!r}, which is not the ARN of an IAM role.")
            runner = runner_of(f"DEPLOY_RUNNER_{variable_key(preview.stack)}", variables)
            verified.append(replace(preview, role=role, runner=runner))
    return previews, tuple(verified)


def left_behind(stacks: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that say a stack is deployed whose file is gone: removed, or renamed, which makes another stack."""
    keys = {variable_key(stack) for stack in stacks}
    deployed = (name for name, value in variables.items() if name.startswith("DEPLOY_ROLE_") and value.strip())
    return tuple(sorted(name for name in deployed if name.removeprefix("DEPLOY_ROLE_") not in keys))


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
    previews, _ = split(
        stacks,
        regions={stack: _read_region(root, stack) for stack in stacks},
        variables=_variables(),
        trusted=os.environ["TRUSTED"] == "true",
    )
    _write_outputs({"preview": _rows(previews)})


def half_deployed(stacks: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """The variables without which a stack with a deploy role could not be previewed before it is deployed."""
    missing = []
    for key in map(variable_key, stacks):
        if variables.get(f"DEPLOY_ROLE_{key}", "").strip():
            names = (f"PREVIEW_ROLE_{key}", f"PULUMI_BACKEND_URL_{key}")
            missing += [name for name in names if not variables.get(name, "").strip()]
    return tuple(missing)


def sandbox(existing: Iterable[str], variables: Mapping[str, str]) -> dict[str, str]:
    """The sandbox's stack, state, runner and ceiling in US dollars. Raises `Misconfigured`."""
    stack = variables.get("SANDBOX_STACK", "").strip()
    if stack not in existing:
        raise Misconfigured(
            f"SANDBOX_STACK is {stack!r}, and there is no Pulumi.{stack}.yaml: copy Pulumi.dev.yaml to it."
        )
    key = variable_key(stack)
    if variables.get(f"DEPLOY_ROLE_{key}", "").strip():
        raise Misconfigured(f"Stack {stack} is deployed from main (DEPLOY_ROLE_{key}): the sandbox would destroy it.")
    backend = variables.get(f"PULUMI_BACKEND_URL_{key}", "").strip()
    if not backend:
        raise Misconfigured(f"PULUMI_BACKEND_URL_{key} is not set: the sandbox's state needs a place.")
    ceiling = variables.get("SANDBOX_CEILING_USD", "").strip()
    if not re.fullmatch(r"\d{1,6}(?:\.\d+)?", ceiling) or not float(ceiling):
        raise Misconfigured(f"SANDBOX_CEILING_USD is {ceiling!r}: what may the sandbox's account cost in a month?")
    runner = runner_of("SANDBOX_RUNNER", variables)
    return {"stack": stack, "backend": backend, "runner": runner, "ceiling": ceiling}


def _write_sandbox(root: Path) -> None:
    outputs = sandbox(stacks_of(path.name for path in root.iterdir()), _variables())
    if any("\n" in value for value in outputs.values()):
        raise Misconfigured("A variable of the sandbox has more than one line.")
    _write_outputs({**outputs, "region": _read_region(root, outputs["stack"])})


def _write_watched(root: Path) -> None:
    stacks = stacks_of(path.name for path in root.iterdir())
    regions = {stack: _read_region(root, stack) for stack in stacks}
    previews, verified = watched(stacks, regions=regions, variables=_variables())
    _write_outputs({"preview": _rows(previews), "verify": _rows(verified)})


def _require_files(root: Path) -> None:
    stacks, variables = stacks_of(path.name for path in root.iterdir()), _variables()
    if missing := half_deployed(stacks, variables):
        raise Misconfigured(f"{', '.join(missing)} is not set: what is deployed is previewed first, from that state.")
    if gone := left_behind(stacks, variables):
        raise Misconfigured(
            f"{', '.join(gone)} is set, and there is no stack file for it: what that stack made still stands on AWS, "
            "and nothing is deployed. Bring the file back; or destroy the stack from the commit that had it "
            "(docs/runbooks/destroy.md) and delete its variables."
        )


def _variables() -> dict[str, str]:
    # Empty where GitHub hands none over, as to a fork.
    return json.loads(os.environ["VARIABLES"] or "{}") or {}


def _rows(previews: Iterable[Preview]) -> str:
    # JSON on one line: no value can add an output of its own.
    return json.dumps([asdict(preview) for preview in previews])


def _read_region(root: Path, stack: str) -> str:
    return region_of(stack, (root / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    root = Path.cwd()
    try:
        match arguments:
            case ["touched"]:
                _write_touched(root)
            case ["watched"]:
                _write_watched(root)
            case ["sandbox"]:
                _write_sandbox(root)
            case ["deployed"]:
                _require_files(root)
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
