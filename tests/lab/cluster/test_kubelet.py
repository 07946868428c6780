"""What a kubelet does for people and for pods, asked of the lab's node by kubectl and istioctl."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import select
import ssl
import subprocess
import time
import urllib.request

import pytest

from lab.node.nodes import NODES
from tests.lab.cluster.scratch_pods import NAMESPACE, ScratchPods, eventually
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

# --- logs ---------------------------------------------------------------------------------------------------


def test_logs_show_the_last_lines_the_newest_ones_or_their_first_bytes(scratch_pods: ScratchPods) -> None:
    eventually(lambda: "done talking" in scratch_pods.logs("talker"))

    assert scratch_pods.logs("talker", "--tail=2") == ["a word on the error stream", "done talking"]
    assert scratch_pods.kubectl("logs", "talker", "--limit-bytes=6").stdout == "line 1"
    time.sleep(1.2)
    assert scratch_pods.logs("talker", "--since=1s") == [], "nothing was written for more than a second"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+Z done talking", scratch_pods.logs("talker", "--tail=1", "--timestamps")[0]
    )


def test_following_a_log_ends_with_its_container(scratch_pods: ScratchPods) -> None:
    answer = scratch_pods.kubectl("logs", "--follow", "short-lived")

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "the end"


def test_the_run_before_a_restart_can_still_be_read(scratch_pods: ScratchPods) -> None:
    eventually(lambda: scratch_pods.pod("crashing")["status"]["containerStatuses"][0]["restartCount"] >= 1)

    # The one before is removed when the next one has ended, and its log with it: asked between the two, there is none.
    previous = eventually(lambda: _previous(scratch_pods, "crashing"))

    assert len(previous) == 1
    none = scratch_pods.kubectl("logs", "talker", "--previous")
    assert 'previous terminated container "main" in pod "talker" not found' in none.stderr


def _previous(pods: ScratchPods, name: str) -> list[str]:
    answer = pods.kubectl("logs", name, "--previous")
    # In between the kubelet says so in place of the log, and kubectl does not fail.
    return [line for line in answer.stdout.splitlines() if line.startswith("run at ")]


def test_a_log_is_bounded_on_disk(scratch_pods: ScratchPods) -> None:
    written = scratch_pods.kubectl(
        "exec", "talker", "--", "sh", "-c", "head -c 12000000 /dev/zero | tr '\\0' x > /proc/1/fd/1"
    )

    assert written.returncode == 0, written.stderr
    logs = [node.root(scratch_pods.lab.plane.state) / "var/log/pods" for node in NODES]
    files = [file for directory in logs for file in directory.glob(f"{NAMESPACE}_talker_*/main/*")]
    assert files
    # The kubelet looks every ten seconds.
    eventually(lambda: files[0].stat().st_size < 10_000_000)


# --- exec, attach, port-forward -----------------------------------------------------------------------------


def test_exec_passes_the_exit_code_on(scratch_pods: ScratchPods) -> None:
    refused = scratch_pods.kubectl("exec", "talker", "--", "curl", "-sS", "http://127.0.0.1:9/")

    assert refused.returncode == 7, "curl: could not connect"
    assert "command terminated with exit code 7" in refused.stderr
    unknown = scratch_pods.kubectl("exec", "talker", "--", "no-such-program")
    assert unknown.returncode != 0
    assert "executable file not found in $PATH" in unknown.stderr


def test_exec_carries_standard_input_whole(scratch_pods: ScratchPods) -> None:
    text = "x" * 1_000_000 + "\n"

    answer = scratch_pods.kubectl("exec", "--stdin", "talker", "--", "wc", "-c", stdin=text)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(len(text))


def test_exec_is_in_the_container_with_its_user_and_environment(scratch_pods: ScratchPods) -> None:
    asked = "id -u; hostname; echo $GREETING; pwd; test -e /proc/1 && tr '\\0' ' ' < /proc/1/cmdline | cut -c1-5"
    answer = scratch_pods.kubectl("exec", "talker", "--", "sh", "-c", asked)

    assert answer.stdout.splitlines() == ["4242", "talker", "hello", "/tmp", "sh -c"], answer.stderr


def test_exec_has_no_capability_that_the_container_lacks(scratch_pods: ScratchPods) -> None:
    inside = scratch_pods.kubectl("exec", "talker", "--", "grep", "^Cap\\(Eff\\|Bnd\\)", "/proc/self/status").stdout

    assert re.findall(r"Cap(?:Eff|Bnd):\s+(\w+)", inside) == ["0000000000000000", "0000000000000000"]


def test_a_terminal_has_the_size_of_the_clients(scratch_pods: ScratchPods) -> None:
    master, slave = pty.openpty()
    subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=slave, check=True)
    script = "test -t 0 && sleep 1 && stty size; exit 3"
    client = subprocess.Popen(
        [
            scratch_pods.lab.plane.toolchain.bin("kubectl"), "exec", f"--namespace={NAMESPACE}", "--stdin", "--tty",
            "talker", "--", "sh", "-c", script,
        ],
        env={**os.environ, **scratch_pods.lab.plane.environment}, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while client.poll() is None or select.select([master], [], [], 0.2)[0]:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:
                break
    os.close(master)

    assert client.wait(timeout=20) == 3
    assert b"33 77" in shown


def test_attach_shows_what_comes_and_takes_input(scratch_pods: ScratchPods) -> None:
    answer = scratch_pods.kubectl("attach", "--stdin", "echoing", stdin="one line\n")

    assert answer.returncode == 0, answer.stderr
    assert "heard one line" in answer.stdout.splitlines()


def test_port_forward_reaches_a_port_inside_the_pod(scratch_pods: ScratchPods) -> None:
    whole_lab = scratch_pods.lab
    client = subprocess.Popen(
        [
            whole_lab.plane.toolchain.bin("kubectl"), "port-forward", "--namespace=istio-ingress",
            scratch_pods.gateway(), ":15021",
        ],
        env={**os.environ, **whole_lab.plane.environment}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert client.stdout is not None
        forwarding = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> 15021", client.stdout.readline())
        assert forwarding
        for _ in range(2):
            with urllib.request.urlopen(f"http://127.0.0.1:{forwarding[1]}/healthz/ready", timeout=10) as response:
                assert response.status == 200
    finally:
        client.terminate()
        client.wait(timeout=10)


def test_an_ephemeral_container_joins_a_running_pod(scratch_pods: ScratchPods) -> None:
    added = scratch_pods.kubectl(
        "debug", "talker", "--image=docker.io/curlimages/curl:8.11.1", "--container=debugger", "--profile=general",
        "--", "sh", "-c", "hostname",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr

    def ended() -> bool:
        statuses = scratch_pods.pod("talker")["status"].get("ephemeralContainerStatuses", [])
        return bool(statuses) and "terminated" in statuses[0]["state"]

    eventually(ended)
    assert scratch_pods.logs("talker", "--container=debugger") == ["talker"], "it shares the pod's namespaces"


def test_only_the_api_server_is_served(whole_lab: WholeLab) -> None:
    api = whole_lab.plane.api
    context = ssl.create_default_context(cafile=str(api.authority))
    context.load_cert_chain(api.client.certificate, api.client.key)
    connection = http.client.HTTPSConnection(whole_lab.plane.network.node, 10250, timeout=10, context=context)

    assert _status(connection, "/healthz") == 200, "the administrator may do everything"
    connection.close()
    nameless = ssl.create_default_context(cafile=str(api.authority))
    token = whole_lab.tool("kubectl", "create", "token", "default", "--namespace=default").stdout.strip()
    for path, bearer, wanted in (
        ("/healthz", "", 401),
        ("/pods", token, 403),
        ("/metrics/resource", "", 401),
        ("/metrics/resource", "forged", 401),
        ("/metrics/resource", token, 403),
    ):
        connection = http.client.HTTPSConnection(whole_lab.plane.network.node, 10250, timeout=10, context=nameless)
        assert _status(connection, path, bearer) == wanted, (path, bearer)
        connection.close()


def _status(connection: http.client.HTTPSConnection, path: str, bearer: str = "") -> int:
    connection.request("GET", path, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})
    return connection.getresponse().status


# --- what needs the endpoints -------------------------------------------------------------------------------


def test_istioctl_sees_the_gateways_synchronised(whole_lab: WholeLab) -> None:
    gateways = whole_lab.get("pods", "--namespace=istio-ingress", "--selector=istio=ingressgateway")["items"]
    answer = whole_lab.tool("istioctl", "proxy-status", "--revision=1-31-1")

    assert answer.returncode == 0, answer.stderr
    for gateway in gateways:
        line = next(line for line in answer.stdout.splitlines() if line.startswith(gateway["metadata"]["name"]))
        for kind in ("CDS", "LDS", "EDS", "RDS"):
            assert kind in line


def test_istioctl_reads_a_proxys_configuration(scratch_pods: ScratchPods) -> None:
    proxy = f"{scratch_pods.gateway()}.istio-ingress"
    answer = scratch_pods.lab.tool("istioctl", "proxy-config", "listeners", proxy, "--output=json")

    assert answer.returncode == 0, answer.stderr
    ports = {item["address"]["socketAddress"]["portValue"] for item in json.loads(answer.stdout)}
    assert {443, 15021, 15090} <= ports


def test_a_shell_says_what_is_not_the_real_images(scratch_pods: ScratchPods) -> None:
    answer = scratch_pods.lab.command("shell", "istio-ingressgateway", stdin="id -u\nexit 5\n")

    assert answer.returncode == 5
    assert answer.stdout.splitlines()[-1].endswith("1337")
    assert "the shell are this machine's" in answer.stderr.splitlines()[0]
    assert "istioctl proxy-config all istio-ingressgateway-" in answer.stderr.splitlines()[0]


def test_lab_logs_puts_the_container_in_front(scratch_pods: ScratchPods) -> None:
    answer = scratch_pods.lab.command("logs", f"{NAMESPACE}/short-lived")

    assert answer.returncode == 0, answer.stderr
    assert "short-lived/main the end" in answer.stdout.splitlines()


def test_the_collectors_stand_in_says_what_it_is(whole_lab: WholeLab) -> None:
    # With a selector kubectl gives the last ten lines only.
    answer = whole_lab.tool(
        "kubectl", "logs", "--namespace=observability", "--selector=app=otel-collector", "--tail=-1"
    )

    assert "this is the lab's stand-in for the OpenTelemetry collector" in answer.stdout, answer.stderr
