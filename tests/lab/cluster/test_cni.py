"""Istio's CNI plugin: installed by the program's own DaemonSet, called for every pod, kept off the machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lab.node import control_groups
from lab.node.nodes import NODES
from lab.waiting import until
from tests.lab.conftest import REVISION
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

NAMESPACE = "cni-proof"
_SECONDS = 60.0
T = TypeVar("T")


@pytest.fixture(scope="module")
def proof(whole_lab: WholeLab) -> Iterator[WholeLab]:
    """A namespace whose pods get a sidecar, and that goes with its pods."""
    metadata = {"name": NAMESPACE, "labels": {"istio.io/rev": REVISION}}
    _apply(whole_lab, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield whole_lab
    gone = whole_lab.tool("kubectl", "delete", "namespace", NAMESPACE, "--wait")
    assert gone.returncode == 0, gone.stderr


def test_the_agent_chains_istio_cni_after_the_labs_own_network(whole_lab: WholeLab) -> None:
    agent = whole_lab.get("daemonset", "istio-cni-node", "--namespace=kube-system")["status"]

    assert (agent["desiredNumberScheduled"], agent["numberReady"]) == (len(NODES), len(NODES))
    for root in _roots(whole_lab):
        chain = json.loads((root / "etc/cni/net.d/10-lab.conflist").read_text(encoding="utf-8"))
        assert [plugin["type"] for plugin in chain["plugins"]] == ["ptp", "istio-cni"], root


def test_an_injected_pod_passes_istio_validation(proof: WholeLab) -> None:
    _apply(proof, _pod(proof, "injected"))
    state = _eventually(lambda: _init_state(proof, "injected", "istio-validation").get("terminated"))
    said = proof.tool("kubectl", "logs", "injected", f"--namespace={NAMESPACE}", "--container=istio-validation")

    assert state["exitCode"] == 0, said.stdout + said.stderr
    assert "Validation passed, iptables rules established" in said.stdout


def test_the_rules_are_in_the_injected_pods_network_only(proof: WholeLab) -> None:
    _apply(proof, _pod(proof, "redirected"))
    _apply(proof, _pod(proof, "plain", inject=False))
    redirected, plain = (_process_of(proof, name) for name in ("redirected", "plain"))

    assert "-j ISTIO_REDIRECT" in _rules(redirected)
    assert "ISTIO" not in _rules(plain), "a pod without a sidecar is redirected"
    assert "ISTIO" not in _rules(os.getpid()), "the machine's own firewall was changed"


def test_the_machine_has_none_of_the_plugins_files(proof: WholeLab) -> None:
    for own in _roots(proof):
        assert (own / "opt/cni/bin/istio-cni").is_file()
        assert (own / "run/istio-cni/istio-cni-kubeconfig").stat().st_mode & 0o077 == 0
    for path in ("/opt/cni/bin/istio-cni", "/run/istio-cni", "/etc/cni/net.d/10-lab.conflist"):
        assert not Path(path).exists(), f"{path} is the machine's"


def test_a_host_path_is_a_directory_of_its_node(proof: WholeLab) -> None:
    written = "/var/lib/cni-proof"
    pod = _pod(
        proof, "writer", inject=False, host_path=written, command=["/bin/sh", "-c", "echo x > /data/file; sleep 99"]
    )
    _apply(proof, pod)

    _eventually(lambda: any((root / written.lstrip("/") / "file").exists() for root in _roots(proof)))
    assert not Path(written).exists()


def test_a_pod_made_without_the_agent_fails_validation_until_the_agent_repairs_it(proof: WholeLab) -> None:
    plugins = [root / "opt/cni/bin/istio-cni" for root in _roots(proof)]
    with _without_agent(proof):
        _eventually(lambda: not any(plugin.exists() for plugin in plugins))
        _apply(proof, _pod(proof, "early"))
        _eventually(lambda: _init_state(proof, "early", "istio-validation", of="lastState").get("terminated"))
    # The kubelet waits longer from try to try: it may fail once more before.
    _eventually(
        lambda: _init_state(proof, "early", "istio-validation").get("terminated", {}).get("reason") == "Completed"
    )
    # Of its node's agent: `kubectl logs daemonset/…` would give that of one.
    said = proof.tool("kubectl", "logs", "--selector=k8s-app=istio-cni-node", "--namespace=kube-system", "--tail=-1")

    assert f"pod repaired\tpod={NAMESPACE}/early" in said.stdout


@contextmanager
def _without_agent(lab: WholeLab) -> Generator[None]:
    """Takes the DaemonSet off the node, and waits until it is back."""
    _on_nodes_of(lab, "none")
    try:
        yield
    finally:
        _on_nodes_of(lab, "linux")
    rolled = lab.tool("kubectl", "rollout", "status", "daemonset/istio-cni-node", "--namespace=kube-system")
    assert rolled.returncode == 0, rolled.stderr


def _on_nodes_of(lab: WholeLab, system: str) -> None:
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/os": system}}}}}
    patch = ("patch", "daemonset", "istio-cni-node", "--namespace=kube-system", f"--patch={json.dumps(selector)}")
    answer = lab.tool("kubectl", *patch)
    assert answer.returncode == 0, answer.stderr


def _pod(
    lab: WholeLab, name: str, *, inject: bool = True, host_path: str = "", command: list[str] | None = None
) -> dict[str, Any]:
    """A pod of the only image here that brings no program of its own into play: istiod's, told to sleep."""
    istiod = lab.get("deployments", "--namespace=istio-system")["items"][0]["spec"]["template"]["spec"]
    container: dict[str, Any] = {
        "name": "app",
        "image": istiod["containers"][0]["image"],
        "command": command or ["/bin/sleep", "600"],
        "securityContext": {"runAsUser": 0},
    }
    spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 1}
    if host_path:
        spec["volumes"] = [{"name": "data", "hostPath": {"path": host_path}}]
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    labels = {"sidecar.istio.io/inject": str(inject).lower()}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _apply(lab: WholeLab, document: dict[str, Any]) -> None:
    done = lab.tool("kubectl", "apply", "--filename=-", stdin=json.dumps(document))
    assert done.returncode == 0, done.stderr


def _get(lab: WholeLab, name: str) -> dict[str, Any]:
    return lab.get("pod", name, f"--namespace={NAMESPACE}")


def _init_state(lab: WholeLab, name: str, container: str, *, of: str = "state") -> dict[str, Any]:
    """of: `state` or `lastState`."""
    statuses = _get(lab, name)["status"].get("initContainerStatuses", ())
    return next((status[of] for status in statuses if status["name"] == container and of in status), {})


def _process_of(lab: WholeLab, name: str) -> int:
    """A process in the pod's network: one of the pods' whose interface has the pod's address."""

    def search() -> int | None:
        address = _get(lab, name)["status"].get("podIP")
        for pid in control_groups.processes(lab.plane.state) if address else ():
            if f" {address}/" in _in_network_of(pid, "ip", "-oneline", "-4", "address", "show", "dev", "eth0"):
                return pid
        return None

    return _eventually(search)


def _roots(lab: WholeLab) -> list[Path]:
    """The nodes' file systems as they see them."""
    running = lab.plane.state.alive()
    return [Path(f"/proc/{running[node.process].pid}/root") for node in NODES]


def _rules(pid: int) -> str:
    return _in_network_of(pid, "iptables-save")


def _in_network_of(pid: int, *command: str) -> str:
    entered = ["nsenter", f"--target={pid}", "--net", *command]
    return subprocess.run(entered, capture_output=True, text=True, check=False).stdout


def _eventually(look: Callable[[], T | None]) -> T:
    return until(look, seconds=_SECONDS, pause=0.3, what="what the test waits for")
