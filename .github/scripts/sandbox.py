"""What the sandbox costs, and what it leaves behind, by the AWS CLI and the job's credentials.

python3 .github/scripts/sandbox.py ceiling USD        fails where the account has cost that much this month
python3 .github/scripts/sandbox.py left STACK FILE    waits, then writes what still has the stack's tags; fails if any
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

# The tagging API goes on naming what is deleted for a while, and so does EC2.
_WAIT_SECONDS = int(os.environ.get("SANDBOX_WAIT_SECONDS", "900"))
_EVERY_SECONDS = 60
_ENVIRONMENT = re.compile(r"^\s+zero-trust-mesh:environment:\s*[\"']?([a-z0-9-]+)[\"']?\s*(?:#.*)?$", re.MULTILINE)


def aws(*arguments: str) -> Any:
    answer = subprocess.run(["aws", *arguments, "--output", "json"], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def spent(today: date) -> float:
    """US dollars of this month so far. Cost Explorer is up to a day late, and asks 0.01 for the answer
    (https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html)."""
    period = f"Start={today.replace(day=1)},End={today + timedelta(days=1)}"
    metric = ("--granularity", "MONTHLY", "--metrics", "UnblendedCost")
    answer = aws("ce", "get-cost-and-usage", "--time-period", period, *metric)
    return sum(float(one["Total"]["UnblendedCost"]["Amount"]) for one in answer["ResultsByTime"])


def left(environment: str) -> list[str]:
    """The ARNs that carry the tags of the stack, sorted."""
    tags = (f"Key=environment,Values={environment}", "Key=managed-by,Values=pulumi")
    listed = aws("resourcegroupstaggingapi", "get-resources", "--tag-filters", *tags)["ResourceTagMappingList"]
    # A key is pending deletion for 30 days, AWS's rule; a terminated instance is named for an hour: EC2 knows.
    found = [one["ResourceARN"] for one in listed]
    found = [arn for arn in found if not arn.startswith("arn:aws:kms:") and ":instance/" not in arn]
    filters = (f"Name=tag:environment,Values={environment}", "Name=tag:managed-by,Values=pulumi")
    states = "Name=instance-state-name,Values=pending,running,stopping,stopped"
    reservations = aws("ec2", "describe-instances", "--filters", *filters, states)["Reservations"]
    found += [instance["InstanceId"] for one in reservations for instance in one["Instances"]]
    return sorted(found)


def wait_until_gone(environment: str, *, seconds: int) -> list[str]:
    until = time.monotonic() + seconds
    while (found := left(environment)) and time.monotonic() < until:
        time.sleep(_EVERY_SECONDS)
    return found


def environment_of(text: str) -> str:
    """The tag's value, of a stack file's text."""
    match = _ENVIRONMENT.search(text)
    if match is None:
        raise SystemExit("::error::The stack file names no `zero-trust-mesh:environment`.")
    return match[1]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["ceiling", ceiling]:
            cost = spent(datetime.now(UTC).date())
            print(f"This month the account has cost {cost:.2f} USD; the ceiling is {float(ceiling):.2f}.")
            if cost >= float(ceiling):
                print("::error::The sandbox does not begin: the account has reached SANDBOX_CEILING_USD.")
                return 1
            return 0
        case ["left", stack, file]:
            environment = environment_of(Path(f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
            found = wait_until_gone(environment, seconds=_WAIT_SECONDS)
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text("".join(f"{one}\n" for one in found), encoding="utf-8")
            print("\n".join(found) or "Nothing is left.")
            if found:
                print(f"::error::{len(found)} resources of stack {stack} are left, and cost.")
            return 1 if found else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
