"""The end of a review's job: what `make pr-comment` left, completed where it failed, shown and judged.

python3 .github/scripts/review.py complete LOG   build/pr/comment.md and verdict.json exist afterwards
python3 .github/scripts/review.py judge          writes the run's summary; exit code 1 if something stands against it
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from literal import literal
from review_comment import MARKER

DIRECTORY = Path("build/pr")
# A summary holds a megabyte a step; more than that would be refused whole.
_MAX_SUMMARY = 900_000


def complete(directory: Path, log: str) -> None:
    """A program that cannot even be loaded is a review too: its last lines say why."""
    directory.mkdir(parents=True, exist_ok=True)
    comment, verdict = directory / "comment.md", directory / "verdict.json"
    if comment.is_file() and verdict.is_file():
        return
    tail = "\n".join(log.splitlines()[-40:])
    comment.write_text(
        f"{MARKER}\n\n### The review could not be made\n\n**The program does not run**, so nothing is known of what "
        f"this would change. The last lines of `make pr-comment`:\n\n{literal(tail, 20_000)}\n",
        encoding="utf-8",
    )
    verdict.write_text(json.dumps({"refused": [], "failed": ["every stack"], "findings": []}), encoding="utf-8")


def against(directory: Path) -> list[str]:
    """What stands against the pull request, in words; [] for nothing."""
    verdict = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    said = [f"{word}: {', '.join(map(str, verdict[word]))}" for word in ("refused", "failed") if verdict.get(word)]
    return said + (["policy findings stand in the comment"] if verdict.get("findings") else [])


def main(arguments: list[str]) -> int:
    match arguments:
        case ["complete", log]:
            complete(DIRECTORY, Path(log).read_text(encoding="utf-8", errors="replace"))
            return 0
        case ["judge"]:
            with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
                file.write((DIRECTORY / "comment.md").read_text(encoding="utf-8", errors="replace")[:_MAX_SUMMARY])
            said = against(DIRECTORY)
            for line in said:
                print(f"::error::{line}")
            return 1 if said else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
