"""The operator's command line: `python -m meshops <command>`."""

from __future__ import annotations

import gc
import sys
import time

STARTED = time.perf_counter()  # before the imports below: they are most of a small plan's time

USAGE = """\
usage: python -m meshops <command> [options]      (each command has --help)

  plan       what a stack would make, without credentials or network
  bench      how a plan's time and memory grow with the number of applications
  preflight  will the load balancer find its subnets and its certificate? (asks AWS)
  verify     does the mesh hold? proofs on the running cluster, made by sending traffic

exit codes: 0 done and nothing found, 1 findings or failure, 2 wrong usage
"""


def main(arguments: list[str]) -> int:
    """Runs one command and returns the process's exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    # Each command is imported by itself: preflight needs no Pulumi, and plan no boto3.
    if command == "plan":
        from meshops.plan import command as plan_command

        return plan_command.main(rest, started=STARTED)
    if command == "bench":
        from meshops import bench

        return bench.main(rest)
    if command == "preflight":
        from meshops.preflight import command as preflight_command

        return preflight_command.main(rest)
    if command == "verify":
        from meshops.verify import command as verify_command

        return verify_command.main(rest)
    asked = command in ("-h", "--help", "help")
    print(USAGE, end="", file=sys.stdout if asked else sys.stderr)
    if command and not asked:
        print(f"unknown command {command!r}", file=sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    # A plan makes millions of objects that live until it ends. By default Python looks through them again for every 700
    # new ones, which takes a quarter of the time of a large plan.
    gc.set_threshold(50_000, 20, 20)
    code = main(sys.argv[1:])
    # And once more when it ends: a third of the time of a small plan.
    gc.freeze()
    sys.exit(code)
