"""What a real preview says: taken, shown, compared.

    python3 .github/scripts/previews.py take STACK DIRECTORY [OPTION…]   DIRECTORY/STACK.json, .plan and .log
    python3 .github/scripts/previews.py compare STACK REVIEWED NOW       Markdown; exit code 1 if they differ

STACK.json is what `pulumi preview --json` prints; it holds no secret ("[secret]"). STACK.plan is the CLI's update plan.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from literal import literal

# What the CLI does for itself, and what leaves a resource as it is.
_NOTHING = frozenset({"same", "read", "read-discard", "refresh", "discard-replaced", "remove-pending-replace"})
_RISK = ("replace", "create-replacement", "delete-replaced", "delete", "update", "create")
_MAX_SHOWN = 400
_RANDOM = re.compile(r".+-[0-9a-f]{7,8}")


class Unusable(Exception):
    """A file is not a preview, or the preview failed; the message says which and why."""


@dataclass(frozen=True, kw_only=True, order=True)
class Change:
    """One step of a preview."""

    urn: str
    op: str
    fields: tuple[str, ...] = ()
    """The properties that change, and those that force a replacement."""
    inputs: str = ""
    """A digest of what the resource is asked to be."""

    @property
    def line(self) -> str:
        kind, _, name = self.urn.rpartition("::")
        resource = f"{kind.rpartition('::')[2].rpartition('$')[2]} {name}".replace("`", "'")
        fields = ", ".join(self.fields).replace("`", "'")
        return f"{self.op}: `{resource}`" + (f" ({fields})" if fields else "")


def changes(preview: Mapping[str, Any]) -> tuple[Change, ...]:
    """preview: `pulumi preview --json`. Raises `Unusable` where it says that it failed."""
    errors = [
        str(one.get("message", "")).strip()
        for one in preview.get("diagnostics") or ()
        if one.get("severity") == "error"
    ]
    if errors:
        raise Unusable("\n".join(errors))
    steps = preview.get("steps") or ()
    names = tuple(sorted({name for step in steps for name in _random_names(_inputs(step))}, key=len, reverse=True))
    return tuple(sorted(_change(step, names) for step in steps if step["op"] not in _NOTHING))


def _inputs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return (step.get("newState") or {}).get("inputs") or {}


def _random_names(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Names that the provider has thrown dice for: of what does not exist yet, other ones in each preview.

    (`randomSeed` in pkg/resource/deploy/step_generator.go; https://github.com/pulumi/pulumi-azure/issues/719.) A
    bridged provider lists what it filled in under `__defaults`; that of Kubernetes leaves an annotation.
    """
    for key in inputs.get("__defaults") or ():
        if isinstance(value := inputs.get(key), str) and _RANDOM.fullmatch(value):
            yield value
    metadata = inputs.get("metadata")
    if isinstance(metadata, dict) and (metadata.get("annotations") or {}).get("pulumi.com/autonamed") == "true":
        yield str(metadata.get("name"))


def _change(step: Mapping[str, Any], names: Iterable[str]) -> Change:
    fields = {*(step.get("detailedDiff") or ()), *(step.get("diffReasons") or ()), *(step.get("replaceReasons") or ())}
    asked = json.dumps(_inputs(step), sort_keys=True)
    # Also where another resource refers to it.
    for name in names:
        asked = asked.replace(name, f"{name.rpartition('-')[0]}-*")
    return Change(
        urn=step["urn"],
        op=step["op"],
        fields=tuple(sorted(fields)),
        inputs=hashlib.sha256(asked.encode()).hexdigest()[:12],
    )


def digest(found: Iterable[Change]) -> str:
    """Names exactly these changes: 16 hexadecimal digits."""
    return hashlib.sha256(repr(tuple(found)).encode()).hexdigest()[:16]


def read(path: Path) -> tuple[Change, ...]:
    """Raises `Unusable`."""
    try:
        preview = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(preview, dict):
            raise Unusable(f"{path.name} is not a preview.")
        return changes(preview)
    except FileNotFoundError:
        raise Unusable(f"There is no {path.name}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{path.name} is not a preview: {error!r}") from None


def shown(found: Iterable[Change]) -> str:
    """Markdown: the counts, then every change, what destroys first."""
    listed = sorted(found, key=lambda change: (_RISK.index(change.op) if change.op in _RISK else -1, change))
    if not listed:
        return "Nothing changes."
    counts = ", ".join(f"{number} {op}" for op, number in Counter(change.op for change in listed).items())
    lines = [f"- {change.line}" for change in listed[:_MAX_SHOWN]]
    if len(listed) > _MAX_SHOWN:
        lines.append(f"- and {len(listed) - _MAX_SHOWN} more, in the run's artifact")
    return f"**{counts}**\n\n" + "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    same: bool
    text: str
    """Markdown."""


def compare(reviewed: tuple[Change, ...] | None, now: tuple[Change, ...]) -> Comparison:
    """reviewed: None where nobody has reviewed a preview."""
    if not now:
        return Comparison(same=True, text="Nothing changes.")
    if reviewed is None:
        return Comparison(same=False, text=f"**No preview of this was reviewed.** It would do:\n\n{shown(now)}")
    if reviewed == now:
        return Comparison(same=True, text=f"As it was reviewed:\n\n{shown(now)}")
    only_now, only_reviewed = set(now) - set(reviewed), set(reviewed) - set(now)
    return Comparison(
        same=False,
        text=f"**It differs from what was reviewed.**\n\n#### Not reviewed\n\n{shown(only_now)}\n\n"
        f"#### Reviewed, and not in it\n\n{shown(only_reviewed)}\n\n"
        f"<details><summary>The reviewed preview</summary>\n\n{shown(reviewed)}\n\n</details>\n\n"
        f"<details><summary>The preview now</summary>\n\n{shown(now)}\n\n</details>",
    )


def take(stack: str, directory: Path, options: list[str]) -> int:
    """Runs `make preview` and leaves its answer; of one that failed without an answer, why. Returns its exit code."""
    directory.mkdir(parents=True, exist_ok=True)
    answer, log = directory / f"{stack}.json", directory / f"{stack}.log"
    # --diff says nothing beside --json, whose steps carry every changed property; `up` shows it as it happens.
    chosen = ["--json", "--non-interactive", f"--save-plan={directory / stack}.plan", *options]
    command = ["make", "--no-print-directory", "preview", f"STACK={stack}", f"OPTIONS={' '.join(chosen)}"]
    with answer.open("wb") as output, log.open("wb") as errors:
        code = subprocess.run(command, stdout=output, stderr=errors, check=False).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    print(said, end="")
    try:
        document = json.loads(answer.read_text(encoding="utf-8"))
        failed = code != 0 and not any(one.get("severity") == "error" for one in document.get("diagnostics") or ())
    except (ValueError, AttributeError):
        document, failed = {}, True
    if failed:
        # The CLI leaves policy violations out of its JSON (pkg/backend/display/json.go).
        reason = said.strip()[-4000:] or f"`make preview` ended with exit code {code} and said nothing."
        document["diagnostics"] = [*(document.get("diagnostics") or ()), {"severity": "error", "message": reason}]
        answer.write_text(json.dumps(document), encoding="utf-8")
    return code


def judge(stack: str, reviewed: Path, now: Path, accepted: Iterable[str]) -> tuple[int, str, dict[str, str]]:
    """Exit code, Markdown and the step's outputs. accepted: digests that somebody has accepted by hand."""
    title = f"## Stack `{stack}`\n\n"
    try:
        found = read(now)
    except Unusable as error:
        return 1, f"{title}**The preview failed; nothing was changed.**\n\n{literal(str(error), 20_000)}\n", {}
    try:
        before = read(reviewed)
    except Unusable:
        before = None
    comparison, mark = compare(before, found), digest(found)
    outputs = {"changes": str(len(found)), "digest": mark}
    if comparison.same:
        return 0, f"{title}{comparison.text}\n", outputs
    if mark in accepted:
        return 0, f"{title}{comparison.text}\n\nAccepted by hand as `{mark}`.\n", outputs
    way_on = (
        "**Nothing was changed.** Bring in a pull request whose preview is this one; or read it and accept exactly "
        "this:\n"
        f"`gh workflow run deploy.yml --ref main -f accept={mark}`"
    )
    return 1, f"{title}{comparison.text}\n\n{way_on}\n", outputs


def _write(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["take", stack, directory, *options]:
            return take(stack, Path(directory), options)
        case ["compare", stack, reviewed, now]:
            accepted = os.environ.get("ACCEPT", "").split()
            code, text, outputs = judge(stack, Path(reviewed), Path(now), accepted)
            print(text)
            _write("GITHUB_STEP_SUMMARY", text)
            _write("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
            if code:
                print(f"::error::Stack {stack} is not deployed: its preview is not what was reviewed, or failed.")
            return code
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
