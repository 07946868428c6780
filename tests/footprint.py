"""What a lab could leave on a machine, or change of it; seen on a machine of its own.

That machine is this one's programs and files with network, processes and mounts of its own: no lab but this one runs
there, and no network leads out of it. A lab whose tools are built needs none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.cluster.network import BRIDGE_PREFIX
from tests import ROOT
from tests.whole_lab import lab_command

_SETTINGS = Path("/proc/sys/net")
# It changes with the machine's own connections.
_COUNTERS = frozenset({"nf_conntrack_count"})
_LOOKING = ("ps", "-eo", "pid,args")
_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """processes: their command lines; namespaces: network namespaces with a process in them; firewall: what nft and
    iptables-save say; settings: sysctl -> value below net, without those of a lab's interfaces. All sorted.
    """

    processes: list[str]
    namespaces: list[str]
    interfaces: list[str]
    routes: list[str]
    mounts: list[str]
    firewall: list[str]
    settings: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Life:
    """A lab that came and went. up, down: what the commands printed, with their exit codes."""

    before: Footprint
    up: tuple[int, str]
    during: Footprint
    down: tuple[int, str]
    after: Footprint


def life_of(state: Path, temporary: Path) -> Life:
    """`python -m lab up` and `down` on a machine of their own. temporary: its directory for temporary files."""
    alone = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child")
    # The new network's interfaces are in /sys only if it is mounted anew, over the control groups. The shell stays, as
    # a machine's first process: it takes leave of those whose parents have ended.
    kept = temporary / "cgroup"
    kept.mkdir()
    mounts = (
        f"mount --rbind /sys/fs/cgroup {kept} && mount -t sysfs sysfs /sys && "
        f"mount --rbind {kept} /sys/fs/cgroup && umount --lazy {kept} && rmdir {kept}"
    )
    first = ("sh", "-c", f'{mounts} && "$@"; exit $?', "sh")
    seen = subprocess.run(
        [*alone, *first, sys.executable, "-m", "tests.footprint", state],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, text=True, check=False,
        timeout=_SECONDS,
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    life = json.loads(seen.stdout)
    return Life(
        before=Footprint(**life["before"]),
        up=tuple(life["up"]),
        during=Footprint(**life["during"]),
        down=tuple(life["down"]),
        after=Footprint(**life["after"]),
    )


def _live(state: Path) -> Life:
    _said("ip", "link", "set", "lo", "up")
    before = footprint()
    up = lab_command(state, "up")
    during = footprint()
    down = lab_command(state, "down")
    return Life(
        before=before,
        up=(up.returncode, up.stdout + up.stderr),
        during=during,
        down=(down.returncode, down.stdout + down.stderr),
        after=footprint(),
    )


def footprint() -> Footprint:
    """As it is now, in the namespaces of this process."""
    links = _said("ip", "-oneline", "link").splitlines()
    return Footprint(
        processes=sorted(line for line in _said(*_LOOKING).splitlines() if not line.endswith(" ".join(_LOOKING))),
        namespaces=sorted(set(_namespaces())),
        interfaces=sorted(line.split(": ")[1] for line in links),
        routes=sorted(_said("ip", "route", "show", "table", "all").splitlines()),
        mounts=sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        firewall=[_said("nft", "list", "ruleset"), _rules(_said("iptables-save"))],
        settings=dict(_settings()),
    )


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _rules(saved: str) -> str:
    """Without the comments, which have the time in them."""
    return "\n".join(line for line in saved.splitlines() if not line.startswith("#"))


def _namespaces() -> Iterator[str]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                yield os.readlink(process / "ns" / "net")
            except OSError:
                continue  # it has ended meanwhile


def _settings() -> Iterator[tuple[str, str]]:
    for path in sorted(_SETTINGS.rglob("*")):
        name = str(path.relative_to(_SETTINGS))
        if f"/{BRIDGE_PREFIX}" in name or path.name in _COUNTERS or not path.is_file():
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except OSError:
            continue  # some can be written only


if __name__ == "__main__":
    print(json.dumps(asdict(_live(Path(sys.argv[1])))))
