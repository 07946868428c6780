"""A stand-in for `make pr-comment`: reads the settings of each stack that differs from BASE, and says a line.

It plans nothing: here it is the workflows that are looked at.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, ".")
from configuration.problems import SettingsError
from meshops.stack_settings import stack_settings

base, previews = sys.argv[1], Path(sys.argv[2])
changed = subprocess.run(
    ["git", "diff", "--name-only", "--no-renames", base, "HEAD"], check=True, capture_output=True, text=True
)
paths = changed.stdout.split()
program = any(not path.startswith("Pulumi.") for path in paths)
verdict: dict[str, list[str]] = {"refused": [], "failed": [], "findings": []}
lines = ["<!-- zero-trust-mesh:review -->", "", f"{len(paths)} files differ."]
stacks = {match[1]: path for path in paths if (match := re.fullmatch(r"Pulumi\.([a-z]+)\.yaml", path))}
for stack in sorted(stacks) if not program else ["dev", "prod"]:
    if not Path(f"Pulumi.{stack}.yaml").exists():
        lines.append(f"- `{stack}`: its file was removed")
        continue
    said = "it can be planned"
    try:
        stack_settings(Path.cwd(), stack)
        compile(Path("__main__.py").read_text(), "__main__.py", "exec")
    except SettingsError as error:
        verdict["refused"].append(stack)
        said = str(error).splitlines()[0]
    except SyntaxError as error:
        verdict["failed"].append(stack)
        said = str(error)
    lines.append(f"- `{stack}`: {said}")
    preview = previews / f"{stack}.json"
    if preview.exists():
        found = json.loads(preview.read_text())
        said = found.get("changeSummary") or [
            line for line in found["diagnostics"][-1]["message"].splitlines() if line.startswith("error: ")
        ]
        lines.append(f"  - the preview: {said}")
if len(paths) > 5:
    lines += [f"- {path}" for path in paths]
Path("build/pr").mkdir(parents=True, exist_ok=True)
Path("build/pr/comment.md").write_text("\n".join(lines))
Path("build/pr/verdict.json").write_text(json.dumps(verdict))
