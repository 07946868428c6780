"""How the lab's nodes start, watches and ends containers: probes, hooks, restarts, grace periods."""

from __future__ import annotations

import time

import pytest

from tests.lab.cluster.scratch_pods import ScratchPods, eventually

pytestmark = pytest.mark.timeout(1800)


def test_a_pod_with_an_unknown_image_stays_pending_and_says_why(scratch_pods: ScratchPods) -> None:
    def waiting() -> str:
        statuses = scratch_pods.pod("unknown-image")["status"].get("containerStatuses", [])
        return statuses[0]["state"].get("waiting", {}).get("reason", "") if statuses else ""

    eventually(lambda: waiting() in {"ErrImagePull", "ImagePullBackOff"})
    assert scratch_pods.pod("unknown-image")["status"]["phase"] == "Pending"
    events = scratch_pods.kubectl("events", "--for=pod/unknown-image").stdout
    assert "registry.example.com/unknown:1" in events
    assert "not found" in events


def test_a_container_that_fails_is_started_again_after_a_pause(scratch_pods: ScratchPods) -> None:
    eventually(lambda: scratch_pods.container("crashing")["restartCount"] >= 2)

    # The status says CrashLoopBackOff only at the kubelet's next look, which may come after the next start.
    eventually(lambda: "Back-off restarting failed container main" in _events(scratch_pods, "crashing"))
    assert scratch_pods.container("crashing")["lastState"]["terminated"]["exitCode"] == 3
    assert scratch_pods.pod("crashing")["status"]["phase"] == "Running"


def _events(pods: ScratchPods, name: str) -> str:
    return pods.kubectl("events", f"--for=pod/{name}").stdout


def test_a_command_that_is_not_there_is_named(scratch_pods: ScratchPods) -> None:
    eventually(lambda: "terminated" in scratch_pods.container("not-there")["lastState"])
    ended = scratch_pods.container("not-there")["lastState"]["terminated"]

    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert "/no/such/program" in ended["message"]


def test_an_exec_probe_decides_readiness_both_ways(scratch_pods: ScratchPods) -> None:
    eventually(lambda: "running" in scratch_pods.container("probed")["state"])
    assert not scratch_pods.container("probed")["ready"]

    assert scratch_pods.kubectl("exec", "probed", "--", "touch", "/tmp/ready").returncode == 0
    eventually(lambda: scratch_pods.container("probed")["ready"])
    assert scratch_pods.kubectl("exec", "probed", "--", "rm", "/tmp/ready").returncode == 0
    eventually(lambda: not scratch_pods.container("probed")["ready"])


def test_who_ignores_sigterm_is_killed_when_the_grace_period_is_over(scratch_pods: ScratchPods) -> None:
    eventually(lambda: "running" in scratch_pods.container("stubborn")["state"])
    following = scratch_pods.started("logs", "--follow", "stubborn")
    time.sleep(1)
    began = time.monotonic()

    assert scratch_pods.kubectl("delete", "pod", "stubborn").returncode == 0
    took = time.monotonic() - began

    assert 2.5 < took < 10, f"its grace period is 3 s; it took {took:.1f} s"
    said, _ = following.communicate(timeout=20)
    assert "not yet" in said, "SIGTERM came first"


def test_a_pod_deleted_by_force_does_not_run_on_until_its_grace_period_is_over(scratch_pods: ScratchPods) -> None:
    eventually(lambda: "running" in scratch_pods.container("forgotten")["state"])
    following = scratch_pods.started("logs", "--follow", "forgotten")
    time.sleep(1)

    assert scratch_pods.kubectl("delete", "pod", "forgotten", "--force", "--grace-period=0").returncode == 0

    said, _ = following.communicate(timeout=15)  # the log ends with the process; the grace period would be 60 s
    assert following.returncode == 0, said


def test_hooks_run_and_a_sidecar_ends_after_the_containers(scratch_pods: ScratchPods) -> None:
    eventually(lambda: scratch_pods.pod("orderly")["status"]["phase"] == "Running")
    following = scratch_pods.started("logs", "--follow", "orderly", "--container=sidecar")
    eventually(lambda: "main started" in scratch_pods.logs("orderly", "--container=sidecar"))

    assert scratch_pods.kubectl("delete", "pod", "orderly").returncode == 0
    said, _ = following.communicate(timeout=30)

    # Hooks run at once, everywhere; then the containers end, and the sidecar last.
    order = [line for line in said.splitlines() if line in _STEPS]
    assert order == list(_STEPS), said


_STEPS = ("main started", "sidecar told", "main told", "main ends", "sidecar ends")
