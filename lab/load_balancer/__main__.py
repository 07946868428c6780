"""`python -m lab.load_balancer STATE`: plays the account's load balancers, as one of the lab's processes."""

from __future__ import annotations

import datetime
import signal
import sys
import time
from pathlib import Path

from lab.aws.made import Aws
from lab.cluster import network
from lab.load_balancer import processes, report
from lab.load_balancer.account import AWS_ERRORS, Account
from lab.load_balancer.balancers import Balancers
from lab.load_balancer.proxy import Proxy
from lab.state import State

# A target that goes away is known this soon; a gateway that stops accepts for seconds more.
_PAUSE_SECONDS = 0.5
FIRST_WORDS = (
    "an Envoy in the place of ALBs and NLBs: not AWS. Not played: rules of listeners, WAF rules, access logs to S3, "
    "preserve_client_ip of NLBs, the end of the deregistration delay."
)


def main(root: str) -> None:
    """Serves the lab in this state directory until it is stopped."""
    state = State(root=Path(root))
    record, purpose = state.network(), processes.purpose_of(state)
    if record is None or purpose is None:
        sys.exit(f"{state.root}: no lab is there")
    balancers = Balancers(
        root=state.root,
        account=Account(aws=Aws(endpoint_url=purpose.endpoint_url, region=purpose.region)),
        proxy=Proxy(directory=report.directory(state.root)),
        claim=lambda number: network.claim(record, number),
        say=_say,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _say(FIRST_WORDS)
    _run(balancers)


def _run(balancers: Balancers) -> None:
    trouble = ""
    while True:
        try:
            balancers.step()
            trouble = ""
        except AWS_ERRORS as problem:
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
