"""What the bootstrap takes from the plan of a stack: `plans/<stack>.json`, written by `make bootstrap-record`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bootstrap.rights import HIDDEN_POLICIES, HIDDEN_ROLES, RIGHTS

DIRECTORY = Path(__file__).resolve().parent / "plans"
_PLANS = DIRECTORY.parents[1] / "build" / "plan"
_OURS = ("aws:", "eks:")


class RecordError(Exception):
    """A plan cannot be taken over; the message says why."""


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """types: of its AWS resources; roles: how their names begin; the rest as it stands in AWS. All sorted."""

    stack: str
    region: str
    environment: str
    cluster: str
    zones: tuple[str, ...]
    roles: tuple[str, ...]
    managed_policies: tuple[str, ...]
    log_groups: tuple[str, ...]
    types: tuple[str, ...]


def recorded_stacks(directory: Path = DIRECTORY) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in directory.glob("*.json")))


def read(stack: str, directory: Path = DIRECTORY) -> PlanFacts:
    """Raises `FileNotFoundError` for a stack that nobody recorded."""
    facts: dict[str, Any] = json.loads((directory / f"{stack}.json").read_text(encoding="utf-8"))
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    return PlanFacts(**values)


def facts_of(stack: str, resources: Sequence[dict[str, Any]]) -> PlanFacts:
    """resources: of a plan's `resources.json`. Raises `RecordError` for a type whose rights nobody has written down."""
    types = {one["type"] for one in resources if one["type"].startswith(_OURS)}
    if unknown := sorted(types - set(RIGHTS)):
        raise RecordError(f"{stack}: what {', '.join(unknown)} takes is not in bootstrap/rights.py: add a row for it.")
    provider = next(one["inputs"] for one in resources if one["type"] == "pulumi:providers:aws")
    cluster = [one["inputs"]["name"] for one in resources if one["type"] == "eks:index:Cluster"]
    if not cluster:
        raise RecordError(f"{stack}: its cluster is somebody else's; such a deployer's rights are theirs to give.")
    return PlanFacts(
        stack=stack,
        region=str(provider["region"]),
        environment=str(_decoded(provider["defaultTags"])["tags"]["environment"]),
        cluster=cluster[0],
        zones=_inputs(resources, "aws:route53/record:Record", "zoneId"),
        roles=tuple(sorted({*HIDDEN_ROLES, *(one["name"] for one in resources if one["type"] == "aws:iam/role:Role")})),
        managed_policies=tuple(
            sorted(
                {
                    *HIDDEN_POLICIES,
                    *_inputs(resources, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"),
                }
            )
        ),
        log_groups=_inputs(resources, "aws:cloudwatch/logGroup:LogGroup", "name"),
        types=tuple(sorted(types)),
    )


def written(facts: PlanFacts) -> str:
    return json.dumps(asdict(facts), indent=2) + "\n"


def _inputs(resources: Sequence[dict[str, Any]], type_: str, name: str) -> tuple[str, ...]:
    return tuple(
        sorted({str(one["inputs"][name]) for one in resources if one["type"] == type_ and name in one["inputs"]})
    )


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def main(stacks: Sequence[str]) -> int:
    """Takes over the plans of these stacks, which `make plan` has written."""
    for stack in stacks:
        source = _PLANS / stack / "resources.json"
        try:
            facts = facts_of(stack, json.loads(source.read_text(encoding="utf-8")))
        except FileNotFoundError:
            print(f"{stack}: there is no plan of it yet: make plan STACK={stack}", file=sys.stderr)
            return 1
        except RecordError as problem:
            print(problem, file=sys.stderr)
            return 1
        (DIRECTORY / f"{stack}.json").write_text(written(facts), encoding="utf-8")
        print(f"{stack}: {len(facts.types)} types of resources, {len(facts.roles)} roles")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
