"""A stand-in for `make pr-comment`: plans every stack that differs from BASE, and says in a line each what came of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

base, previews = sys.argv[1], Path(sys.argv[2])
changed = subprocess.run(["git", "diff", "--name-only", "--no-renames", base, "HEAD"], check=True, capture_output=True, text=True)
paths = changed.stdout.split()
program = any(not path.startswith("Pulumi.") for path in paths)
verdict: dict[str, list[str]] = {"refused": [], "failed": [], "findings": []}
lines = ["<!-- zero-trust-mesh:review -->", "", f"{len(paths)} files differ."]
stacks = {match[1]: path for path in paths if (match := re.fullmatch(r"Pulumi\.([a-z]+)\.yaml", path))}
for stack in sorted(stacks) if not program else ["dev", "prod"]:
    if not Path(f"Pulumi.{stack}.yaml").exists():
        lines.append(f"- `{stack}`: its file was removed")
        continue
    plan = [os.environ["SCENE_PYTHON"], "-m", "meshops", "plan", "--stack", stack]
    done = subprocess.run(plan, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode:
        verdict["refused" if "refused" in said else "failed"].append(stack)
    lines.append(f"- `{stack}`: {'planned' if not done.returncode else said.strip().splitlines()[0]}")
    preview = previews / f"{stack}.json"
    if preview.exists():
        found = json.loads(preview.read_text())
        lines.append(f"  - the preview: {found.get('changeSummary') or found['diagnostics'][-1]['message']}")
Path("build/pr").mkdir(parents=True, exist_ok=True)
Path("build/pr/comment.md").write_text("\n".join(lines))
Path("build/pr/verdict.json").write_text(json.dumps(verdict))
