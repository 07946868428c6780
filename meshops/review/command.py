"""The command `review`: what a pull request changes, as a comment, pictures and a verdict."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

from meshops.checks.exit_codes import PASSED, WRONG_USAGE
from meshops.plan.plan import PROGRAM
from meshops.review import comment, picture, verdict
from meshops.review.planning import Planning, RevisionError, plan_both, read_planning
from meshops.review.stacks import StackReview, read_stacks

COMMENT, VERDICT, PLANS = "comment.md", "verdict.json", "plans"


def main(arguments: list[str], *, started: float | None = None) -> int:
    """Returns 0 whenever there is a comment, also one that says that nothing could be planned; 2 for wrong usage."""
    started = time.perf_counter() if started is None else started
    options = _parser().parse_args(arguments)
    out = options.out.resolve()
    try:
        if options.plans:
            planning, plans = read_planning(options.plans), options.plans
        else:
            plans = out / PLANS
            planning = plan_both(
                options.directory.resolve(), base=options.base, head=options.head, stacks=options.stack, plans=plans
            )
    except RevisionError as problem:
        print(problem, file=sys.stderr)
        return WRONG_USAGE
    stacks = read_stacks(
        plans,
        base=list(planning.base_stacks),
        head=list(planning.head_stacks),
        moved=planning.renamed,
        previews=options.preview,
    )
    made = write(out, stacks, planning, run_url=options.run_url)
    for line in made.text.splitlines()[1:4]:
        if line.startswith("**"):
            print(line.strip("*"))
    print(f"written to {options.out}/{COMMENT} in {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return PASSED


def write(out: Path, stacks: tuple[StackReview, ...], planning: Planning, *, run_url: str = "") -> comment.Comment:
    """Writes comment, whole review, verdict and pictures into a directory."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.svg"):
        old.unlink()
    pictures = {f"{one.name}.svg": drawn for one in stacks if (drawn := picture.render(one))}
    for name, drawn in pictures.items():
        (out / name).write_text(drawn, encoding="utf-8")
    made = comment.write(stacks, planning, pictures=tuple(pictures), run_url=run_url)
    (out / COMMENT).write_text(made.text, encoding="utf-8")
    (out / comment.WHOLE).write_text(made.whole, encoding="utf-8")
    found = verdict.data(stacks, planning, left_out=made.left_out)
    (out / VERDICT).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return made


def _url(text: str) -> str:
    if text and not re.fullmatch(r"https://[A-Za-z0-9./:_-]+", text):
        raise argparse.ArgumentTypeError("must be an https:// address of letters, digits and ./:_-")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops review", description="What a pull request changes, planned offline, as one comment."
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--base", metavar="REVISION", help="what it is compared with: where both went apart")
    source.add_argument(
        "--plans", type=Path, metavar="DIRECTORY", help="plans that another run of this left: only read"
    )
    parser.add_argument("--head", metavar="REVISION", help="(default: the work tree)")
    parser.add_argument("--stack", nargs="+", default=[], help="(default: all of either revision but the lab)")
    parser.add_argument("--out", type=Path, default=Path("build/pr"), help="(%(default)s)")
    parser.add_argument(
        "--preview", type=Path, metavar="DIRECTORY", help="<stack>.json of `pulumi preview --json` each"
    )
    parser.add_argument("--run-url", type=_url, default="", metavar="URL", help="where the artifact is found")
    parser.add_argument("--directory", type=Path, default=PROGRAM, help="of the repository (default: this one)")
    return parser
