"""Encryption in transit, step by step: plaintext, PERMISSIVE, STRICT, mutual TLS. See README.md."""

from __future__ import annotations

from pathlib import Path

from examples.audit import line_of, logged
from examples.cluster import injection_revision, leaves_nothing, own_namespaces
from examples.documents import shown_path
from examples.steps import SUCCEEDS, Steps, exit_code, matches, prints, watch

HERE = Path(__file__).resolve().parent
FRONT, BACK = "front-end", "back-end"
NGINX, HELLO = "nginx", "hello-world-rest-api"
URL = f"http://{HELLO}.{BACK}:8080"
LINE = f"From {NGINX}.{FRONT} to {HELLO}.{BACK} - HTTP Response Code: "
# Envoy writes its log once a second; configuration reaches the proxies within a few.
PATIENCE = 120.0


def call(*options: str) -> list[str]:
    """curl, run inside the container of nginx."""
    curl = ["curl", URL, "-o", "/dev/null", "-s", "-m", "5", *options, "-w", LINE + "%{http_code}\\n"]
    return ["kubectl", "exec", "-n", FRONT, f"deployment/{NGINX}", "-c", NGINX, "--", *curl]


def code(number: str) -> str:
    """The end of the line that the article prints for a response code."""
    return f"HTTP Response Code: {number}"


def apply(steps: Steps, title: str, name: str) -> None:
    steps.run(title, ["kubectl", "apply", "-f", shown_path(HERE / name)])


def proxy_log(namespace: str, deployment: str) -> list[str]:
    return ["kubectl", "logs", "-n", namespace, f"deployment/{deployment}", "-c", "istio-proxy", "--tail=20"]


def recreate(steps: Steps, namespace: str, app: str, *, ready: str) -> None:
    """Deletes the pod and waits for the next one. ready: the READY column, e.g. `2/2`."""
    steps.say("A label changes no pod that exists: the pod has to be made anew.")
    steps.run(f"{app} is made anew", ["kubectl", "delete", "pod", "-n", namespace, "-l", f"app={app}"], timeout=120)
    steps.until(
        f"Its pod shows {ready}",
        ["kubectl", "get", "pods", "-n", namespace, "-l", f"app={app}"],
        expect=matches(rf"^{app}-\S+\s+{ready}\s+Running", f"READY {ready}, Running"),
        timeout=180,
    )


def script(steps: Steps) -> None:
    own_namespaces(steps, FRONT, BACK)
    leaves_nothing(steps)
    deploy(steps)
    label_that_injects_nothing(steps)
    permissive(steps)
    strict(steps)
    mutual(steps)


def deploy(steps: Steps) -> None:
    steps.title("Two services without a mesh")
    for title, name, app, namespace in (
        ("The caller", "01-nginx.yaml", NGINX, FRONT),
        ("The service that is called", "02-hello-world-rest-api.yaml", HELLO, BACK),
    ):
        steps.cleanup(
            f"Namespace {namespace} and all that is in it",
            ["kubectl", "delete", "-f", shown_path(HERE / name), "--ignore-not-found", "--wait"],
            timeout=240,
        )
        apply(steps, title, name)
        steps.until(
            f"Its pod has one container, {app}",
            ["kubectl", "get", "pods", "-n", namespace],
            expect=matches(rf"^{app}-\S+\s+1/1\s+Running", "READY 1/1, Running"),
            timeout=240,
        )
    steps.run("nginx calls the back end, in plaintext", call(), expect=SUCCEEDS & prints(code("200")))


def label_that_injects_nothing(steps: Steps) -> None:
    steps.title("The back end gets a sidecar")
    steps.say("""Most instructions say istio-injection=enabled. This control plane has a revision, so its webhook looks
        for istio.io/rev; the other label does nothing at all, and nobody says so.""")
    label = ["kubectl", "label", "namespace", BACK]
    steps.run("The label that most instructions name", [*label, "istio-injection=enabled"], expect=prints("labeled"))
    recreate(steps, BACK, HELLO, ready="1/1")
    # With both labels the webhook of the revision stands back as well.
    steps.run("That label goes again", [*label, "istio-injection-"], expect=prints("unlabeled"))
    revision = injection_revision(steps)
    steps.run("The label with the control plane's own revision", [*label, f"istio.io/rev={revision}"])


def permissive(steps: Steps) -> None:
    steps.say("""In this mesh STRICT holds everywhere. To see what Istio's own default does, and not to lose callers who
        have no sidecar yet, the namespace is made PERMISSIVE before its pod is.""")
    apply(steps, "PERMISSIVE in back-end", "03-permissive.yaml")
    recreate(steps, BACK, HELLO, ready="2/2")
    steps.until(
        "The sidecar says that it is ready",
        ["kubectl", "logs", "-n", BACK, f"deployment/{HELLO}", "-c", "istio-proxy"],
        expect=prints("Envoy proxy is ready"),
        shown=lambda answer: "\n".join(line for line in answer.text.splitlines() if "is ready" in line),
    )
    steps.title("PERMISSIVE: plaintext is still taken")
    steps.say("""The sidecar takes the connection now and asks who may call. Nobody may: the mesh denies what no policy
        allows.""")
    steps.until("The same call", call(), expect=SUCCEEDS & prints(code("403")), timeout=PATIENCE)
    apply(steps, "Callers without an identity are let in", "04-allow-plaintext.yaml")
    steps.until("The same call", call(), expect=SUCCEEDS & prints(code("200")), timeout=PATIENCE)
    steps.say("200, and nothing was encrypted: a sidecar alone protects nobody.")
    plain: dict[str, object] = {"response_code": 200, "requested_server_name": None, "downstream_peer_uri_san": None}
    steps.until(
        "The sidecar's line: no server name, no identity, no TLS",
        proxy_log(BACK, HELLO),
        expect=logged(**plain),
        shown=line_of("downstream_tls_version", "downstream_direct_remote_address", "upstream_cluster", **plain),
    )


def strict(steps: Steps) -> None:
    steps.title("STRICT: plaintext is refused")
    apply(steps, "STRICT in back-end", "05-strict.yaml")
    steps.until("The same call", call(), expect=exit_code(56) & prints(code("000")), timeout=PATIENCE)
    refused: dict[str, object] = {"response_flags": "NR", "response_code_details": "filter_chain_not_found"}
    steps.until(
        "The sidecar's line: it had no place for a connection that is not mutual TLS",
        proxy_log(BACK, HELLO),
        expect=logged(**refused),
        shown=line_of("response_code", "requested_server_name", "downstream_direct_remote_address", **refused),
    )


def mutual(steps: Steps) -> None:
    steps.title("The front end gets a sidecar: mutual TLS")
    revision = injection_revision(steps)
    steps.run(
        "The label", ["kubectl", "label", "namespace", FRONT, f"istio.io/rev={revision}"], expect=prints("labeled")
    )
    recreate(steps, FRONT, NGINX, ready="2/2")
    steps.say("nginx has an identity now. What it may reach is what a Sidecar names, and that is its own namespace.")
    steps.until("The same call", call(), expect=prints(code("000")), timeout=PATIENCE)
    blocked: dict[str, object] = {"upstream_cluster": "BlackHoleCluster"}
    steps.until(
        "The line of nginx's own sidecar: sent nowhere",
        proxy_log(FRONT, NGINX),
        expect=logged(**blocked),
        shown=line_of("downstream_local_address", "response_flags", **blocked),
    )
    apply(steps, "front-end may reach back-end", "06-front-end-egress.yaml")
    steps.until("The same call", call(), expect=SUCCEEDS & prints(code("403")), timeout=PATIENCE)
    steps.say("""Over mutual TLS, but not allowed: the policy still speaks of callers without an identity, and nginx has
        one.""")
    apply(steps, "back-end lets this one identity in", "07-allow-front-end.yaml")
    steps.until("The same call", call(), expect=SUCCEEDS & prints(code("200")), timeout=PATIENCE)
    accepted: dict[str, object] = {
        "response_code": 200,
        "requested_server_name": f"outbound_.8080_._.{HELLO}.{BACK}.svc.cluster.local",
        "downstream_peer_uri_san": f"/ns/{FRONT}/sa/{NGINX}",
    }
    steps.until(
        "The sidecar's line: the server name that only a sidecar sends, and who called",
        proxy_log(BACK, HELLO),
        expect=logged(**accepted),
        shown=line_of("downstream_local_uri_san", "downstream_tls_version", "upstream_cluster", **accepted),
    )


def main() -> int:
    """The exit code."""
    return watch("Encryption in transit: nginx in front-end calls hello-world-rest-api in back-end", script)


if __name__ == "__main__":
    raise SystemExit(main())
