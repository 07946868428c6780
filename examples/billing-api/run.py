"""billing-api and who may call it: identities, plaintext, egress, the audit line, and a rollout under load."""

from __future__ import annotations

from examples import callers, load
from examples.audit import line_of, logged
from examples.callers import NAMESPACE, OUTSIDE, call, in_pod
from examples.cluster import leaves_nothing, own_namespaces
from examples.last_words import LastWords, followed
from examples.steps import SUCCEEDS, Steps, exit_code, matches, prints, prints_no, watch

BILLING = "billing-api"
HOST = f"{BILLING}.{NAMESPACE}.svc.cluster.local"
URL = f"http://{HOST}:3000/api/data"
# Envoy writes its log once a second; configuration reaches the proxies within a few.
PATIENCE = 120.0
PUBLIC_HOST = "app.lab.example.com"
ALLOWED_HOST, OTHER_HOST = "api.stripe.com", "exfiltration.example.org"
OTHER_ADDRESS = "203.0.113.80"  # RFC 5737: nobody's


def proxy_log() -> list[str]:
    """What the sidecars of all billing-api's pods wrote last."""
    return ["kubectl", "logs", "-n", NAMESPACE, "-l", f"app={BILLING}", "-c", "istio-proxy", "--tail=50"]


def script(steps: Steps) -> None:
    own_namespaces(steps, OUTSIDE)
    leaves_nothing(steps, "serviceaccounts")
    deploy(steps)
    whole_way(steps)
    identities(steps)
    plaintext(steps)
    egress(steps)
    audit(steps)
    rollout(steps)


def deploy(steps: Steps) -> None:
    steps.title("Three callers")
    steps.say("""billing-api, frontend-ui and inventory-job run already: the stack declares them. Their images have no
        shell, so pods with curl borrow the identities of two of them; a third has none.""")
    callers.deploy(steps)


def whole_way(steps: Steps) -> None:
    steps.title("The whole way")
    callers.from_outside(
        steps,
        "A client asks frontend-ui, which asks billing-api as itself",
        PUBLIC_HOST,
        "/data",
        SUCCEEDS & prints("invoice") & prints("HTTP 200"),
    )


def identities(steps: Steps) -> None:
    steps.title("Who may call: an identity, a method, a path")
    steps.until(
        "frontend-ui may GET /api/data",
        call("as-frontend-ui", URL),
        expect=SUCCEEDS & prints("HTTP 200"),
        timeout=PATIENCE,
    )
    refused = SUCCEEDS & prints("RBAC: access denied") & prints("HTTP 403")
    steps.run("It may not POST", call("as-frontend-ui", URL, "-X", "POST"), expect=refused)
    steps.run("Nor ask for another path", call("as-frontend-ui", f"http://{HOST}:3000/healthz"), expect=refused)
    steps.say(
        "inventory-job is in the mesh and in the same namespace. Its certificate says who it is; no policy names it."
    )
    steps.run("inventory-job gets 403 on the same request", call("as-inventory-job", URL), expect=refused)


def plaintext(steps: Steps) -> None:
    steps.title("Plaintext from outside the mesh")
    steps.say(
        """The same URL from a pod without a sidecar. Where NetworkPolicies are enforced nothing answers; otherwise the
        sidecar takes the connection and closes it, before any HTTP."""
    )
    steps.run(
        "000, and curl's exit code 28 (no answer) or 56 (connection reset)",
        call("outsider", URL),
        expect=exit_code(28, 56) & prints("HTTP 000"),
    )


def egress(steps: Steps) -> None:
    steps.title("What may leave the mesh")
    steps.say(f"""billing-api itself asks: its image has Node.js. {ALLOWED_HOST} is declared in its settings; any other
        name is not, and the DNS firewall knows no address for it. Who has an address all the same meets the sidecar.
        Nothing of a lab reaches the internet: there, a TLS server of the lab's own answers for every external name and
        address, so that a refusal is the mesh's.""")
    steps.run(
        f"{ALLOWED_HOST}, declared: answers",
        fetch(ALLOWED_HOST),
        expect=SUCCEEDS & matches(r"^HTTP [1-5]\d\d", "an HTTP status"),
    )
    steps.run(
        f"{OTHER_HOST}, declared by nobody: there is no such name",
        fetch(OTHER_HOST),
        expect=exit_code(1) & prints("ENOTFOUND") & prints_no("HTTP "),
    )
    steps.run(
        "The same host by an address: blocked",
        at_address(OTHER_HOST, OTHER_ADDRESS),
        expect=exit_code(1) & prints_no("HTTP "),
    )
    steps.run(
        "The same from the pod outside the mesh: somebody answers there",
        [
            *in_pod("outsider"),
            "curl",
            "-sS",
            "-m",
            "5",
            "-o",
            "/dev/null",
            "-w",
            r"HTTP %{http_code}\n",
            "--resolve",
            f"{OTHER_HOST}:443:{OTHER_ADDRESS}",
            f"https://{OTHER_HOST}/",
        ],
        expect=SUCCEEDS & matches(r"^HTTP [1-5]\d\d", "an HTTP status"),
    )


def node(application: str, url: str, shown: str) -> list[str]:
    """A request by Node.js in an application's own pod. shown: of the reply, an expression."""
    return run_in(
        application,
        f'fetch("{url}", {{ signal: AbortSignal.timeout(5000) }})'
        f'.then(async (reply) => console.log("HTTP", reply.status, {shown}))'
        ".catch((problem) => { console.error(problem.cause?.code ?? problem.message); process.exit(1) })",
    )


def at_address(host: str, address: str) -> list[str]:
    """billing-api asks an external host without asking for its name."""
    options = f'{{ host: "{address}", servername: "{host}", headers: {{ host: "{host}" }}, timeout: 5000 }}'
    return run_in(
        BILLING,
        f'require("node:https").get({options}, (reply) => {{ console.log("HTTP", reply.statusCode); reply.resume() }})'
        '.on("timeout", function () { this.destroy(new Error("timeout")) })'
        '.on("error", (problem) => { console.error(problem.code ?? problem.message); process.exit(1) })',
    )


def run_in(application: str, program: str) -> list[str]:
    """Node.js in an application's own pod."""
    pod = ["-n", NAMESPACE, f"deployment/{application}", "-c", application]
    return ["kubectl", "exec", *pod, "--", "node", "-e", program]


def fetch(host: str) -> list[str]:
    """billing-api asks an external host."""
    return node(BILLING, f"https://{host}/", 'reply.headers.get("server") ?? ""')


def audit(steps: Steps) -> None:
    steps.title("What an auditor reads")
    denied: dict[str, object] = {
        "response_code": 403,
        "response_code_details": "rbac_access_denied",
        "downstream_peer_uri_san": "/sa/inventory-job-sa",
    }
    steps.until(
        "The line of the refused call: who asked whom for what, and why it was refused",
        proxy_log(),
        expect=logged(**denied),
        shown=line_of("downstream_local_uri_san", "method", "path", "downstream_tls_version", "start_time", **denied),
        timeout=PATIENCE,
    )
    pod = steps.read(
        ["kubectl", "get", "pods", "-n", NAMESPACE, "-l", f"app={BILLING}", "-o", "jsonpath={.items[0].metadata.name}"]
    )
    steps.run(
        "The policies that one pod's sidecar holds",
        ["istioctl", "experimental", "authz", "check", f"{pod}.{NAMESPACE}"],
        expect=SUCCEEDS & prints(f"{BILLING}.{NAMESPACE}") & prints(f"deny-all.{NAMESPACE}"),
    )


def rollout(steps: Steps) -> None:
    steps.title("A rolling restart under load")
    steps.say(f"""frontend-ui's identity asks {load.PER_SECOND} times a second while every pod of billing-api is
        replaced. A leaving pod goes on answering for 5 s (preStop), then the service finishes what it has begun,
        and its sidecar ends after it.""")
    names = "jsonpath={.items[*].metadata.name}"
    leaving = steps.read(["kubectl", "get", "pods", "-n", NAMESPACE, "-l", f"app={BILLING}", "-o", names]).split()
    deployment = ["-n", NAMESPACE, f"deployment/{BILLING}"]
    with (
        followed(NAMESPACE, leaving[0], (BILLING, "istio-proxy")) as words,
        load.running(in_pod("as-frontend-ui"), URL) as counted,
    ):
        steps.run("Every pod is replaced", ["kubectl", "rollout", "restart", *deployment])
        steps.run(
            "One after the other",
            ["kubectl", "rollout", "status", *deployment, "--timeout=150s"],
            timeout=160,
            shown=lambda answer: "\n".join(dict.fromkeys(answer.text.splitlines())),
        )
        pods = [f"pod/{name}" for name in leaving]
        wait = ["kubectl", "wait", "-n", NAMESPACE, *pods, "--for=delete", "--timeout=90s"]
        steps.run("Until the last of the old ones is gone", wait, timeout=100)
    steps.check(
        f"{sum(counted.answers.values())} requests:\n{counted.table()}",
        "no request lost",
        holds=counted.lost == 0 and counted.answers["200 0"] > 10 * load.PER_SECOND and not counted.problem,
    )
    order(steps, leaving[0], words)
    control(steps, deployment)


def control(steps: Steps, deployment: list[str]) -> None:
    """The count above could have been another one."""
    steps.say("""The control: the same load while all pods are removed at once and without a grace period, as by nodes
        that fail. The callers' sidecars try again here too, and it does not help.""")
    pods = ["pods", "-n", NAMESPACE, "-l", f"app={BILLING}"]
    with load.running(in_pod("as-frontend-ui"), URL) as counted:
        steps.run("All of them at once", ["kubectl", "delete", *pods, "--grace-period=0", "--force"])
        steps.run(
            "Until there are new ones",
            ["kubectl", "rollout", "status", *deployment, "--timeout=150s"],
            timeout=160,
            shown=lambda answer: answer.text.splitlines()[-1],
        )
    steps.check(
        f"{sum(counted.answers.values())} requests:\n{counted.table()}",
        "requests lost",
        holds=counted.answers["503 0"] > 0 and not counted.problem,
    )


def order(steps: Steps, pod: str, words: LastWords) -> None:
    """The sidecar drains, the service ends, the sidecar ends."""
    steps.say(f"How one of the old pods, {pod}, ended:")
    wanted = (
        ("istio-proxy", "draining proxy"),
        (BILLING, "SIGTERM"),
        (BILLING, "exit 0"),
        ("istio-proxy", "Agent has successfully terminated"),
    )
    lines = [words.first(container, text) for container, text in wanted]
    times = [line.time for line in lines if line is not None]
    shown = "\n".join(f"{line.time}  {line.container:12} {line.text.split(chr(9))[-1]}" for line in lines if line)
    steps.check(
        "\n".join((shown, *words.problems)),
        "the sidecar drains first and ends last",
        holds=len(times) == len(wanted) and times == sorted(times),
    )


def main() -> int:
    """The exit code."""
    return watch("billing-api: who may call it, and what it may call", script)


if __name__ == "__main__":
    raise SystemExit(main())
