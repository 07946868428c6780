"""quarkus-app comes into the mesh by one entry of the stack's settings, and leaves it without a trace."""

from __future__ import annotations

import sys
from pathlib import Path

from examples import callers
from examples.audit import line_of, logged
from examples.callers import OUTSIDE, call
from examples.cluster import leaves_nothing, own_namespaces
from examples.documents import shown_path
from examples.steps import SUCCEEDS, Answer, Steps, exit_code, matches, prints, watch
from manifests.names import GATEWAY_REF, ISTIO_INGRESS, service_host

HERE = Path(__file__).resolve().parent
ENTRY = HERE / "onboarding.yaml"
NAMESPACE, PARCELS = "logistics", "parcels"
PUBLIC_HOST = "parcels.lab.example.com"
URL = f"http://{service_host(PARCELS, NAMESPACE)}:8080/parcels"
# The one that the service begins with.
FIRST = "ZT12345678"
LAB = (sys.executable, "-m", "lab")
OFFBOARD = (*LAB, "offboard")
PATIENCE = 120.0
REFUSED = SUCCEEDS & prints("RBAC: access denied") & prints("HTTP 403")


def script(steps: Steps) -> None:
    own_namespaces(steps, NAMESPACE, OUTSIDE)
    leaves_nothing(steps, "pods", "services", "serviceaccounts", "networkpolicies", "poddisruptionbudgets")
    entry(steps)
    onboard(steps)
    callers.deploy(steps)
    three_layers(steps)
    zero_trust(steps)
    offboard(steps)


def entry(steps: Steps) -> None:
    steps.title("One entry of settings")
    steps.run("All that anybody writes", ["cat", shown_path(ENTRY)], expect=SUCCEEDS & prints(f"name: {PARCELS}"))
    steps.run(
        "What a pull request would show: the plan's difference",
        [*LAB, "onboard", shown_path(ENTRY), "--plan"],
        expect=SUCCEEDS & prints("0 removed") & prints("`logistics/parcels`") & prints("VirtualService"),
        timeout=180,
        shown=_headings_and_names,
    )


def _headings_and_names(answer: Answer) -> str:
    """Of the Markdown: the first line, and each resource with its kind. The fields are in `--plan` itself."""
    shown = []
    for line in answer.output.splitlines():
        if line.startswith(("## ", "### ", "**`")):
            shown.append(line.replace("**", ""))
        elif line.startswith("| `") and ":" in line and "inputs." not in line:
            name, kind = (cell.strip(" `") for cell in line.strip("| ").split("|"))
            shown.append(f"  {name}  {kind.rsplit('/', 1)[-1]}")
    return "\n".join(shown) if answer.code == 0 else answer.text


def onboard(steps: Steps) -> None:
    steps.title("The program runs with it")
    # For a script that stops half-way; one that gets to its end has done it by then.
    steps.at_end("The stack as its file has it", lambda: _take_back(steps))
    steps.run(
        "The same program, the same engine: only what is new is made",
        [*LAB, "onboard", shown_path(ENTRY)],
        expect=SUCCEEDS & matches(r"\d+ created", "something created"),
        timeout=600,
    )
    steps.until(
        "Two pods, each with its sidecar",
        ["kubectl", "get", "pods", "-n", NAMESPACE],
        expect=matches(rf"(^{PARCELS}-\S+\s+2/2\s+Running.*\n?){{2}}", "two pods with READY 2/2"),
        timeout=180,
    )
    steps.run(
        "The route from the shared gateway",
        ["kubectl", "get", "virtualservice", PARCELS, "-n", NAMESPACE],
        expect=SUCCEEDS & prints(PUBLIC_HOST) & prints(GATEWAY_REF),
    )


def _take_back(steps: Steps) -> None:
    policies = ["kubectl", "get", "authorizationpolicies", "-n", ISTIO_INGRESS, "-o", "yaml"]
    if PUBLIC_HOST in steps.read(policies) or steps.read(
        ["kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found"]
    ):
        steps.run("It is brought back", OFFBOARD, timeout=600)
    else:
        steps.say("it is so already")


def three_layers(steps: Steps) -> None:
    steps.title("From outside, over all three layers")
    answered = SUCCEEDS & prints(FIRST) & prints("HTTP 200")
    callers.from_outside(steps, "A client asks for the public name", PUBLIC_HOST, "/parcels", answered)
    through: dict[str, object] = {
        "authority": PUBLIC_HOST,
        "response_code": 200,
        "downstream_peer_uri_san": f"/ns/{ISTIO_INGRESS}/sa/",
        "downstream_local_uri_san": f"/ns/{NAMESPACE}/sa/{PARCELS}-sa",
    }
    steps.until(
        "The line of the pod's sidecar: the gateway's identity and its own",
        ["kubectl", "logs", "-n", NAMESPACE, "-l", f"app={PARCELS}", "-c", "istio-proxy", "--tail=30"],
        expect=logged(**through),
        shown=line_of("downstream_tls_version", "path", "claimed_forwarded_for", **through),
        timeout=PATIENCE,
    )


def zero_trust(steps: Steps) -> None:
    steps.title("Inside: only the caller that the entry names")
    allowed = SUCCEEDS & prints(FIRST) & prints("HTTP 200")
    steps.until("frontend-ui may GET /parcels", call("as-frontend-ui", URL), expect=allowed, timeout=PATIENCE)
    steps.run("and one of them", call("as-frontend-ui", f"{URL}/{FIRST}"), expect=allowed)
    steps.run("It may change nothing", call("as-frontend-ui", f"{URL}/{FIRST}", "-X", "PUT"), expect=REFUSED)
    steps.run("inventory-job, which nobody declared, gets 403", call("as-inventory-job", URL), expect=REFUSED)
    steps.run(
        "Plaintext from outside the mesh: 000 and curl's exit code 28 (no answer) or 56 (connection reset)",
        call("outsider", URL),
        expect=exit_code(28, 56) & prints("HTTP 000"),
    )


def offboard(steps: Steps) -> None:
    steps.title("Without the entry")
    steps.run(
        "The program runs as the stack's file has it: what is no longer in it is removed",
        OFFBOARD,
        expect=SUCCEEDS & matches(r"\d+ removed", "something removed"),
        timeout=600,
    )
    steps.run(
        "Its namespace is gone",
        ["kubectl", "get", "namespace", NAMESPACE],
        expect=exit_code(1) & prints("NotFound"),
    )


def main() -> int:
    """The exit code."""
    return watch("quarkus-app: onboarded by one entry of settings, and gone again", script)


if __name__ == "__main__":
    raise SystemExit(main())
