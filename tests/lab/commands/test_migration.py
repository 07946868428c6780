"""docs/runbooks/migration.md on the running lab: its commands, in its order, on namespace payments."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import paths
from lab.commands import onboarding
from lab.commands.verification import prove
from lab.errors import LabError
from lab.paths import STACK
from lab.progress import TerminalProgress
from meshops.stack_settings import stack_settings
from meshops.waves.patch import edited
from meshops.waves.record import NAMESPACE, Promotion, promotion, read
from offline.stack_files import read_stack
from tests import ROOT
from tests.runbooks import blocks
from tests.whole_lab import WholeLab

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

_PAGE = ROOT / "docs" / "runbooks" / "migration.md"
_CALLERS = Path(__file__).with_name("migration_callers.yaml")
_LEDGER = "http://ledger.payments.svc.cluster.local:8080/entries"
_STRANGER = "cluster.local/ns/secure-apps/sa/inventory-job-sa"
_ASKED = 30
# Seconds; Istio's drainDuration is 45.
_DRAINED = 50


def _made(output: str) -> list[tuple[str, str, str]]:
    """Kind, namespace and name of what a rollback says that it made."""
    return re.findall(r"^#\s+(\S+) (\S+)/(\S+) made:", output, re.MULTILINE)


def _commands(part: str) -> list[str]:
    """The commands of the page's part with this heading."""
    return [line[2:] for block in blocks(_PAGE, part) for line in block.splitlines() if line.startswith("$ ")]


@dataclass
class Migration:
    """directory: of a stack's file of its own; codes: of each part's commands, by the page's own words."""

    lab: WholeLab
    directory: Path
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    output: str = ""

    def follow(self, part: str) -> list[int]:
        """Runs every command of a part; gives their exit codes."""
        return [self.run(command) for command in _commands(part)]

    def run(self, command: str) -> int:
        assigned = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
        match shlex.split(command)[:2]:
            case ["make", "up"]:
                self.up()
                return 0
            case ["make", "waves"]:
                return self.waves(assigned.get("STEP", "status"), *shlex.split(assigned.get("WITH", "")))
        raise AssertionError(f"the page has a command that the test does not know: {command}")

    def waves(self, step: str, *more: str) -> int:
        placed = [str(self.directory / word) if word.startswith("build/") else word for word in more]
        if step in ("check", "shadow"):
            # What came before the last step is not of it.
            placed += ["--since", self.since.isoformat()]
        done = self.lab.command("waves", step, f"--directory={self.directory}", *placed)
        self.output = done.stdout + done.stderr
        print(f"$ {step} {' '.join(more)}\n{self.output}")
        return done.returncode

    def gate(self, command: str) -> dict[str, str]:
        """What did not pass of a check. Not how long requests take: the machine of a test has other things to do."""
        code, (record,) = self.run(command), re.findall(r"--record (\S+?)[' ]", f"{command} ")
        results = dict(read(self.directory / record).results)
        assert code == (0 if {*results.values()} == {"pass"} else 1), self.output
        assert results.pop("MW204") in ("pass", "fail")
        return {id: status for id, status in results.items() if status != "pass"}

    def up(self) -> None:
        onboarding.bring_to(ROOT, read_stack(self.directory, STACK).config, TerminalProgress())
        self.settle()

    def settle(self) -> None:
        """The pods are replaced, and no proxy is behind any more."""
        done = self.lab.tool("kubectl", "rollout", "status", "deployment/ledger", "-n", "payments", "--timeout=120s")
        assert done.returncode == 0, done.stderr
        time.sleep(8)
        self.since = datetime.now(UTC)

    def ask(self, caller: str, times: int = _ASKED) -> Counter[str]:
        """The statuses of so many requests to the ledger, one after the other."""
        url = [word for _ in range(times) for word in ("--output", "/dev/null", _LEDGER)]
        done = self.lab.tool(
            "kubectl", "exec", "-n", "secure-apps", caller, "-c", "curl", "--",
            "curl", "-sS", "--max-time", "5", "--write-out", r"%{http_code}\n", *url,
        )  # fmt: skip
        time.sleep(2)  # a proxy writes its log once a second
        return Counter(done.stdout.split())

    def await_drained(self) -> None:
        """Until no listener of before is left, whose rules hold for those who were connected to it."""
        time.sleep(max(0.0, _DRAINED - (datetime.now(UTC) - self.since).total_seconds()))


@contextmanager
def _state(lab: WholeLab) -> Generator[None]:
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(lab.state)
    try:
        yield
    finally:
        if before is None:
            del os.environ[paths.STATE_VARIABLE]
        else:
            os.environ[paths.STATE_VARIABLE] = before


@pytest.fixture
def migration(whole_lab: WholeLab, tmp_path: Path) -> Iterator[Migration]:
    """Namespace payments is outside the mesh, and two clients stand where its declared caller is."""
    for name in ("Pulumi.yaml", f"Pulumi.{STACK}.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    file = tmp_path / f"Pulumi.{STACK}.yaml"
    file.write_text(edited(file.read_text(encoding="utf-8"), {"payments": "outside"}), encoding="utf-8")
    (tmp_path / "build").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "build" / "key")], check=True)
    with _state(whole_lab):
        try:
            made = whole_lab.tool("kubectl", "apply", f"--filename={_CALLERS}")
            assert made.returncode == 0, made.stderr
            found = Migration(lab=whole_lab, directory=tmp_path)
            found.up()
            for name in ("as-billing-api", "as-stranger"):
                ready = ("--for=condition=ContainersReady", "--timeout=90s")
                waited = whole_lab.tool("kubectl", "wait", "-n", "secure-apps", f"pod/{name}", *ready)
                assert waited.returncode == 0, waited.stderr
            yield found
        finally:
            whole_lab.tool("kubectl", "delete", f"--filename={_CALLERS}", "--ignore-not-found", "--wait")
            onboarding.bring_to(ROOT, read_stack(ROOT, STACK).config, TerminalProgress())


def test_the_page_takes_a_namespace_in_and_back_out(migration: Migration) -> None:
    lab, answered = migration.lab, Counter({"200": _ASKED})
    assert migration.ask("as-billing-api") == answered
    assert migration.follow("0.") == [0, 0, 3]
    assert (migration.directory / "build" / "waves.svg").read_text(encoding="utf-8").startswith("<svg ")
    # Its callers' proxies have seen it: it has none of its own.
    seen = read(migration.directory / "build" / "outside.json").numbers["payments/ledger"]
    assert (seen.callers.requests, seen.callers.errors, seen.own.requests) == (_ASKED, 0, 0)

    written, deployed, *watched = _commands("1.")
    assert [migration.run(written), migration.run(deployed)] == [0, 0]
    assert migration.ask("as-billing-api") == answered
    # Nobody declared it, and nobody refuses it yet.
    assert migration.ask("as-stranger", 3) == {"200": 3}
    report, gate = watched
    assert migration.gate(gate) == {"MW202": "fail"}
    assert migration.run(report) == 1
    (row,) = [line for line in migration.output.splitlines() if _STRANGER in line]
    assert row.split()[:5] == ["3", _STRANGER, "payments/ledger", "GET", "/entries"]
    assert "3 of 33 requests" in migration.output
    migration.since = datetime.now(UTC)
    assert migration.ask("as-billing-api") == answered
    assert migration.run(report) == 0, migration.output
    assert migration.gate(gate) == {}, migration.output

    written, deployed, gate = _commands("2.")
    assert [migration.run(written), migration.run(deployed)] == [0, 0]
    assert migration.ask("as-billing-api") == answered
    assert migration.gate(gate) == {}, migration.output
    migration.await_drained()
    assert migration.ask("as-stranger") == {"403": _ASKED}

    written, deployed, gate, status = _commands("3.")
    assert [migration.run(written), migration.run(deployed)] == [0, 0]
    assert migration.ask("as-billing-api") == answered
    assert migration.gate(gate) == {}, migration.output
    assert migration.run(status) == 0, migration.output
    build = migration.directory / "build"
    signers = build / "allowed_signers"
    signers.write_text(f'ci@example.com namespaces="{NAMESPACE}" {(build / "key.pub").read_text()}')
    ticket: Promotion = promotion(build / "strict.json", signers, ROOT)
    # The stack's file of this test is in no commit, and the record says so.
    assert (ticket.signer, ticket.contained) == ("ci@example.com", False)
    assert ticket.record is not None
    assert ticket.record.stages == {"payments": "strict"}

    level_1, level_2, status = _commands("The way back")
    assert migration.run(level_1) == 0
    made = _made(migration.output)
    assert migration.ask("as-billing-api") == answered
    # The settings do not say so yet: it is found, by name.
    assert migration.waves("status") == 1
    assert "payments: the settings say strict, the cluster is at permissive" in migration.output
    found = prove(lab.plane, stack_settings(migration.directory, STACK), STACK, only=("MV606",)).result("MV606")
    assert found.status == "fail"
    assert "PeerAuthentication istio-system/default" in " ".join((found.verdict.finding, *found.verdict.evidence))

    assert migration.run(level_2) == 0
    made += _made(migration.output)
    pods = lab.get("pods", "-n", "payments", "--selector=app=ledger")["items"]
    names = {each["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
             for each in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])}  # fmt: skip
    assert "istio-proxy" not in names
    assert migration.ask("as-billing-api") == answered
    # The patch was written with it: settings and cluster agree again.
    assert migration.run(status) == 0, migration.output
    # What it made is in no state: a deployment ends there, and no request is lost by it.
    assert ("DestinationRule", "istio-system", "plaintext-namespace-payments") in made
    with pytest.raises(LabError, match=r"\(AlreadyExists\)"):
        migration.up()
    assert migration.ask("as-billing-api") == answered
    # In the place of an import, which the lab's engine has not.
    for kind, namespace, name in made:
        # Some that level 1 made level 2 took away again.
        assert lab.tool("kubectl", "delete", kind, name, "-n", namespace, "--ignore-not-found").returncode == 0
    migration.up()
    assert migration.ask("as-billing-api") == answered
    # From here on it is the program's, and goes with the next step forward.
    onboarding.bring_to(ROOT, read_stack(ROOT, STACK).config, TerminalProgress())
    migration.settle()
    left = [rule["metadata"]["name"] for rule in lab.get("destinationrules", "-n", "istio-system")["items"]]
    assert "plaintext-namespace-payments" not in left
    assert migration.ask("as-billing-api") == answered
    found = prove(lab.plane, stack_settings(ROOT, STACK), STACK, only=("MV615",)).result("MV615")
    assert found.status == "pass", found.verdict.finding
