"""`python -m lab destroy`: takes the stack down as `pulumi destroy` would, in the program's order, and then the lab."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab.aws import moto
from lab.aws.made import Aws
from lab.engine import destruction, program
from lab.engine.component_progress import counted
from lab.engine.engine import Change, LabEngine
from lab.errors import LabError
from lab.lifecycle.running import alone, running
from lab.lifecycle.up import down
from lab.paths import PROGRAM, STACK
from lab.progress import TerminalProgress
from meshops.plan import plan as planning
from offline.registration import EngineError

# The controller's own mark on all that it makes (pkg/deploy/tracking/provider.go).
_MARK = "elbv2.k8s.aws/cluster"


def command(options: argparse.Namespace) -> int:
    """0 only if nothing that costs is left; then the lab goes too, unless it is to be kept."""
    left = destroy(PROGRAM)
    for line in left:
        print(f"left behind: {line}")
    if not left and not options.keep:
        down()
        print("the lab is stopped and removed")
    return 1 if left else 0


def destroy(directory: Path) -> tuple[str, ...]:
    """What the load balancer controller made and nobody took down; empty if the destroy is a clean one.

    Raises LabError at the first resource that does not go, and the lab stays as it is then.
    """
    plane = running()
    plan = planning.make(STACK, directory=directory)
    if plan.settings is None:
        raise LabError(f"the stack {STACK} has no settings of this project")
    progress = TerminalProgress()

    def shown(change: Change) -> None:
        progress.line(f"{change.urn.split('$')[-1].replace('::', ' ')}: {change.what} ({change.seconds:.1f} s)")

    with alone(plane.state):
        account = program.account_of(plane, moto.start(plane), plan.settings)
        engine = LabEngine(plane, account, region=plan.settings.region, report=shown)
        try:
            engine.destroy(destruction.order(plan.run.registrations))
        except EngineError as problem:
            raise LabError(str(problem)) from problem
        progress.line(f"{counted(engine.changes)}; what stands in the cluster goes with it, the VPC with the account")
        return left_behind(account.aws)


def left_behind(aws: Aws) -> tuple[str, ...]:
    """Load balancers, target groups and security groups of the controller, which AWS would keep billing or would keep
    the VPC for."""
    elb, ec2 = aws.client("elbv2"), aws.client("ec2")
    balancers = [each["LoadBalancerName"] for each in elb.describe_load_balancers()["LoadBalancers"]]
    groups = [each["TargetGroupName"] for each in elb.describe_target_groups()["TargetGroups"]]
    marked = ec2.describe_security_groups(Filters=[{"Name": "tag-key", "Values": [_MARK]}])["SecurityGroups"]
    return (
        *(f"load balancer {name}" for name in balancers),
        *(f"target group {name}" for name in groups),
        *(f"security group {each['GroupName']}" for each in marked),
    )
