"""`meshops verify` on the running lab: all it gets is a kubeconfig, two programs, the AWS stand-in's address
and, in place of DNS, the load balancers'."""

from __future__ import annotations

import argparse

from configuration.settings import Settings
from lab.aws import moto
from lab.cluster.control_plane import ControlPlane
from lab.lifecycle.running import running
from lab.load_balancer import report as balancers
from lab.paths import STACK
from meshops.checks.model import Report
from meshops.verify import command
from meshops.verify.run import VerifyOptions, verify


def prove(plane: ControlPlane, settings: Settings, stack: str, *, only: tuple[str, ...] = ()) -> Report:
    """The checks with these ids, all if none is named, on the lab as it runs."""
    options = VerifyOptions(
        kubeconfig=plane.kubeconfig,
        kubectl=str(plane.toolchain.bin("kubectl")),
        istioctl=str(plane.toolchain.bin("istioctl")),
        aws_endpoint_url=moto.endpoint_of(plane.state),
        only=only,
        resolve=balancers.addresses(plane.state.root),
    )
    return verify(settings, options, stack=stack)


def run(options: argparse.Namespace) -> int:
    """The command itself, with its own arguments after those that lead it to the lab. Raises LabError without a lab."""
    plane = running()
    lab = [
        f"--stack={STACK}",
        f"--kubeconfig={plane.kubeconfig}",
        f"--kubectl={plane.toolchain.bin('kubectl')}",
        f"--istioctl={plane.toolchain.bin('istioctl')}",
    ]
    if endpoint := moto.endpoint_of(plane.state):
        lab.append(f"--endpoint-url={endpoint}")
    if pairs := balancers.addresses(plane.state.root).items():
        lab += ["--resolve", *(f"{name}={address}" for name, address in pairs)]
    return command.main([*lab, *options.rest])
