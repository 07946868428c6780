"""`python -m lab.load_balancer STATE`: the controller's part, as one of the lab's processes."""

from __future__ import annotations

import datetime
import signal
import sys
import time
from pathlib import Path

from lab.aws.made import Aws
from lab.cluster import control_plane, network
from lab.cluster.objects import Objects, UnknownKind
from lab.load_balancer import processes, report
from lab.load_balancer.account import AWS_ERRORS, Account
from lab.load_balancer.cluster import CLUSTER_ERRORS, Cluster
from lab.load_balancer.controller import Controller
from lab.load_balancer.proxy import Proxy
from lab.state import State

# A target that goes away is known this soon; a gateway that stops accepts for seconds more.
_PAUSE_SECONDS = 0.5
FIRST_WORDS = (
    "stand-in for the AWS Load Balancer Controller, with an Envoy in the place of its ALBs and NLBs: not AWS. "
    "Not played: WAF rules, access logs to S3, preserve_client_ip of NLBs, the end of the deregistration delay, "
    "readiness gates, finalizers."
)


def main(root: str) -> None:
    """Serves the lab in this state directory until it is stopped."""
    state = State(root=Path(root))
    record, purpose = state.network(), processes.purpose_of(state)
    if record is None or purpose is None:
        sys.exit(f"{state.root}: no lab is there")
    controller = Controller(
        root=state.root,
        cluster=Cluster(objects=Objects(api=control_plane.api_server(state, record))),
        account=Account(aws=Aws(endpoint_url=purpose.endpoint_url, region=purpose.region), cluster=purpose.cluster),
        proxy=Proxy(directory=report.directory(state.root)),
        claim=lambda number: network.claim(record, number),
        say=_say,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _say(FIRST_WORDS)
    _run(controller)


def _run(controller: Controller) -> None:
    trouble = ""
    while True:
        try:
            controller.step()
            trouble = ""
        except (*CLUSTER_ERRORS, *AWS_ERRORS, UnknownKind) as problem:
            # Said once: it goes on for as long as the other side is away.
            if str(problem) != trouble:
                trouble = str(problem)
                _say(f"trying again: {problem}")
        time.sleep(_PAUSE_SECONDS)


def _say(text: str) -> None:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{now} {text}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
