"""TLS that ends in the application: through an NLB, and behind an ALB. See README.md."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from examples.audit import line_of, logged
from examples.cluster import injection_revision, leaves_nothing, load_balancer_address, own_namespaces, public_domain
from examples.documents import as_yaml, filled, shown_path
from examples.passthrough_documents import (
    NAMESPACE,
    NGINX,
    OUTSIDE,
    OWN,
    OWN_LABEL,
    SCRATCH_PORT,
    entry_documents,
    gateway_network_policy,
    gateway_policy,
    nlb,
    settings_entry,
)
from examples.steps import SUCCEEDS, Answer, Expectation, Steps, matches, prints, watch
from manifests.ingress import INGRESS_NAME
from manifests.names import GATEWAY, ISTIO_INGRESS, service_host

HERE = Path(__file__).resolve().parent
NGINX_HOST = service_host(NGINX, NAMESPACE)
# The Service that leads to the gateway's port for passthrough.
GATEWAY_HOST = service_host(OWN, ISTIO_INGRESS)
PATIENCE = 120.0
# A proxy that refuses closes the connection; where NetworkPolicies are enforced, nothing answers at all.
REFUSED = matches(r"curl: \((28|35|52|55|56)\)", "curl's error 28, 35, 52, 55 or 56")
FROM_NGINX = prints("nginx ended TLSv1.3 itself")


def curl(domain: str, name: str, address: str, *options: str) -> list[str]:
    """From where the script runs: this name, but at the load balancer's address."""
    host = f"{name}.{domain}"
    return ["curl", "-sS", "-m", "10", "--connect-to", f"{host}:443:{address}:443", *options, f"https://{host}/"]


def in_pod(app: str, *options: str) -> list[str]:
    """curl in the pod of sleep (with a sidecar) or outsider (without)."""
    namespace = OUTSIDE if app == "outsider" else NAMESPACE
    inside = ["kubectl", "exec", "-n", namespace, f"deployment/{app}", "-c", "curl", "--"]
    # With HTTP/2 a refusal would come as one of several errors more.
    return [*inside, "curl", "-sS", "--http1.1", "-m", "5", *options]


def proxy_log(namespace: str, deployment: str) -> list[str]:
    container = ["-c", "istio-proxy"]
    return ["kubectl", "logs", "-n", namespace, "-l", f"app={deployment}", *container, "--tail=20"]


def handshake(answer: Answer) -> str:
    """Of `curl -v`: the protocol, the certificate that was shown, and the body."""
    words = ("SSL connection using", "subject:", "issuer:", "nginx ended", "curl: (")
    return "\n".join(line.lstrip("* ") for line in answer.text.splitlines() if any(word in line for word in words))


def script(steps: Steps) -> None:
    own_namespaces(steps, NAMESPACE, OUTSIDE)
    leaves_nothing(steps, "services", "secrets", "networkpolicies")
    domain = public_domain(steps)
    with tempfile.TemporaryDirectory(prefix="tls-passthrough-") as scratch:
        certificate = own_certificate(steps, domain, Path(scratch))
        deploy(steps, domain, Path(scratch), certificate)
        inside_the_mesh(steps)
        network_load_balancer(steps, domain, certificate)
        without_sni(steps, domain)
        application_load_balancer(steps, domain, certificate)


def own_certificate(steps: Steps, domain: str, scratch: Path) -> Path:
    steps.title("A certificate of nginx's own")
    certificate = scratch / "tls.crt"
    new_key = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-days",
        "1",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    files = ["-keyout", str(scratch / "tls.key"), "-out", str(certificate)]
    names = f"DNS:passthrough.{domain},DNS:{NGINX_HOST}"
    steps.run(
        "Key and certificate, in a directory that goes with the script",
        [*new_key, *files, "-subj", f"/CN=passthrough.{domain}/O=example", "-addext", f"subjectAltName={names}"],
        shown=lambda answer: "" if answer.code == 0 else answer.text,
    )
    return certificate


def deploy(steps: Steps, domain: str, scratch: Path, certificate: Path) -> None:
    steps.title("What one settings entry gives, and the application")
    # The namespace's gone first, then what is in the gateway's.
    kinds = (
        "services,authorizationpolicies.security.istio.io,destinationrules.networking.istio.io,"
        "gateways.networking.istio.io,networkpolicies.networking.k8s.io"
    )
    label = ",".join(f"{key}={value}" for key, value in OWN_LABEL.items())
    for title, argv, timeout in (
        ("The certificate that the gateway trusts", ["secret", OWN], 60.0),
        # A load balancer takes its time to go.
        ("What is in the gateway's namespace", [kinds, "-l", label], 900.0),
    ):
        delete = ["kubectl", "delete", *argv, "-n", ISTIO_INGRESS, "--ignore-not-found"]
        steps.cleanup(title, delete, timeout=timeout)
    delete = ["kubectl", "delete", "namespace", NAMESPACE, OUTSIDE, "--ignore-not-found", "--wait"]
    steps.cleanup("The two namespaces and all that is in them", delete, timeout=240)

    documents = scratch / "documents.yaml"
    entry = entry_documents(settings_entry(domain), revision=injection_revision(steps))
    documents.write_text(as_yaml(entry), encoding="utf-8")
    steps.run(
        f"Namespace {NAMESPACE}: strict, deny-all, who may call whom, and the route by SNI",
        ["kubectl", "apply", "-f", str(documents)],
    )
    # Not by apply, which would keep a copy of the key in an annotation; and not by its value on the command line.
    create = ["kubectl", "create", "-n", NAMESPACE]
    pair = [f"--cert={certificate}", f"--key={scratch / 'tls.key'}"]
    steps.run("nginx's certificate and key", [*create, "secret", "tls", NGINX, *pair])
    trusted = f"--from-file=ca.crt={certificate}"
    steps.run("The certificate alone, for clients", [*create, "configmap", f"{NGINX}-certificate", trusted])
    for name in ("01-https-nginx.yaml", "02-clients.yaml"):
        steps.run(f"The pods of {name}", ["kubectl", "apply", "-f", shown_path(HERE / name)])
    for app, ready in ((NGINX, "2/2"), ("sleep", "2/2"), ("outsider", "1/1")):
        steps.until(
            f"The pod of {app} shows {ready}",
            ["kubectl", "get", "pods", "-n", OUTSIDE if app == "outsider" else NAMESPACE, "-l", f"app={app}"],
            expect=matches(rf"^{app}-\S+\s+{ready}\s+Running", f"READY {ready}, Running"),
            timeout=240,
        )


def inside_the_mesh(steps: Steps) -> None:
    steps.title("Inside the mesh: mutual TLS around the application's TLS")
    url = f"https://{NGINX_HOST}/"
    trusting = ["--cacert", "/trusted/ca.crt"]
    expect = SUCCEEDS & FROM_NGINX
    steps.until("sleep reaches nginx over HTTPS", in_pod("sleep", *trusting, url), expect=expect, timeout=PATIENCE)
    line: dict[str, object] = {"downstream_peer_uri_san": "/sa/sleep", "requested_server_name": f"_.{NGINX_HOST}"}
    steps.until(
        "nginx's sidecar: mutual TLS came in, and bytes that it cannot read went on (no method, no path)",
        proxy_log(NAMESPACE, NGINX),
        expect=logged(**line),
        shown=line_of("downstream_local_uri_san", "downstream_tls_version", "method", "path", "bytes_sent", **line),
        timeout=PATIENCE,
    )
    plain = f"http://{NGINX_HOST}:443/"
    steps.run(
        "HTTP to the HTTPS back end", in_pod("sleep", plain), expect=prints("plain HTTP request was sent to HTTPS")
    )
    steps.say("""The sidecars carried the plain bytes in mutual TLS all the same: it is nginx that refuses them.""")
    steps.run("outsider has no sidecar: HTTPS alone is not enough", in_pod("outsider", "-k", url), expect=REFUSED)


def network_load_balancer(steps: Steps, domain: str, certificate: Path) -> None:
    steps.title("Solution 1: NLB and gateway pass TLS through")
    own = as_yaml([gateway_policy(domain), gateway_network_policy()])
    apply(steps, "The gateway admits the server name, and its NetworkPolicies what it asks for", own)
    apply(steps, "A load balancer that forwards TCP", as_yaml([nlb(domain)]))
    address = load_balancer_address(steps, "service", ISTIO_INGRESS, OWN, timeout=600)
    steps.until(
        "The client sees nginx's own certificate, and trusts no other",
        curl(domain, "passthrough", address, "-v", "--cacert", str(certificate)),
        expect=SUCCEEDS & FROM_NGINX & prints(f"CN=passthrough.{domain}"),
        timeout=300,
        shown=handshake,
    )
    line: dict[str, object] = {
        "downstream_peer_uri_san": f"/ns/{ISTIO_INGRESS}/sa/{GATEWAY}",
        "requested_server_name": f"_.{NGINX_HOST}",
    }
    steps.until(
        "nginx's sidecar: the gateway's identity, mutual TLS around the client's TLS",
        proxy_log(NAMESPACE, NGINX),
        expect=logged(**line),
        shown=line_of("downstream_tls_version", "method", "path", **line),
        timeout=PATIENCE,
    )


def without_sni(steps: Steps, domain: str) -> None:
    steps.title("Why the article's solution 2 does not work behind an ALB")
    steps.say("""An ALB sends no SNI to its targets. A Gateway that passes TLS through to one of several applications
        has nothing else to choose by.""")
    ip = [
        "kubectl",
        "get",
        "pods",
        "-n",
        ISTIO_INGRESS,
        "-l",
        f"app={GATEWAY}",
        "-o",
        "jsonpath={.items[0].status.podIP}",
    ]
    address = steps.read(ip)
    host = f"passthrough.{domain}"
    url = f"https://{address}:{SCRATCH_PORT}/"
    # curl sends no SNI for an address.
    bare = in_pod("outsider", "-k", "-H", f"Host: {host}", url)
    named = ["--connect-to", f"{host}:{SCRATCH_PORT}:{address}:{SCRATCH_PORT}", f"https://{host}:{SCRATCH_PORT}/"]
    scratch_port = partial(filled, HERE / "03-scratch-port.yaml")
    apply(steps, "A passthrough server for one named host", scratch_port(HOSTS=host))
    steps.until("With SNI", in_pod("outsider", "-k", *named), expect=SUCCEEDS & FROM_NGINX, timeout=PATIENCE)
    steps.run("Without, as an ALB connects: an ALB makes a 502 of this", bare, expect=REFUSED)
    apply(steps, 'The same server for hosts "*"', scratch_port(HOSTS="*"))
    steps.until("Without SNI", bare, expect=SUCCEEDS & FROM_NGINX, timeout=PATIENCE)
    steps.say("""So it worked in the article, and it is good for exactly one application: all that arrives at that
        port goes to the same back end.""")


def application_load_balancer(steps: Steps, domain: str, certificate: Path) -> None:
    steps.title("Solution 2: behind an ALB")
    address = load_balancer_address(steps, "ingress", ISTIO_INGRESS, INGRESS_NAME, timeout=PATIENCE)
    # The ALB's certificate is ACM's; that it is the right one is what `meshops verify` checks.
    ask = partial(curl, domain, "reencrypted", address, "-k", "-w", "\\nHTTP %{http_code}")
    through = curl(domain, "passthrough", address, "-k", "-w", "\\nHTTP %{http_code}")
    steps.say("""The ALB's connection has no SNI, so the shared Gateway's server for "*" ends it. For the host that is
        only routed by SNI there is no route then.""")
    steps.until("The passthrough host, through the ALB", through, expect=code(404), timeout=PATIENCE)

    terminate = partial(filled, HERE / "04-terminate.yaml", DOMAIN=domain)
    apply(steps, "The gateway ends TLS and calls nginx with mutual TLS", terminate(DESTINATION=NGINX_HOST))
    plain = code(400) & prints("plain HTTP request was sent to HTTPS")
    steps.until("HTTP inside mutual TLS: nginx wants its own TLS", ask(), expect=plain, timeout=PATIENCE)

    trusted = ["--from-file=ca.crt=" + str(certificate)]
    steps.run(
        "The gateway learns whom to trust",
        ["kubectl", "create", "secret", "generic", OWN, "-n", ISTIO_INGRESS, *trusted],
    )
    apply(steps, "SIMPLE towards the pod", filled(HERE / "05-simple-to-the-pod.yaml", DOMAIN=domain))
    steps.until("TLS to the pod in place of mutual TLS", ask(), expect=code(503), timeout=PATIENCE)
    refused: dict[str, object] = {
        "response_code": 503,
        "upstream_transport_failure_reason": "CERTIFICATE_VERIFY_FAILED",
    }
    steps.until(
        "The gateway: under STRICT the sidecar ends TLS, and its certificate is the mesh's and not nginx's",
        proxy_log(ISTIO_INGRESS, GATEWAY),
        expect=logged(**refused),
        shown=line_of("upstream_cluster", **refused),
        timeout=PATIENCE,
    )
    steps.run("That rule goes", ["kubectl", "delete", "destinationrule", f"{OWN}-pod", "-n", ISTIO_INGRESS])

    simple = filled(HERE / "06-simple-to-the-gateway.yaml", DOMAIN=domain)
    apply(steps, "SIMPLE towards the gateway's own passthrough server", simple)
    apply(steps, "and the route to it", terminate(DESTINATION=GATEWAY_HOST))
    expect = SUCCEEDS & code(200) & FROM_NGINX
    steps.until("nginx's TLS inside mutual TLS", ask(), expect=expect, timeout=PATIENCE)
    proof(steps, domain)


def proof(steps: Steps, domain: str) -> None:
    lines: tuple[tuple[str, str, str, dict[str, object]], ...] = (
        (
            "The gateway, first time: HTTP that it ended, sent on in TLS to a certificate of nginx's name",
            ISTIO_INGRESS,
            GATEWAY,
            {"authority": f"reencrypted.{domain}", "response_code": 200, "upstream_cluster": GATEWAY_HOST},
        ),
        (
            "The gateway, second time: TLS that it forwarded by SNI, in mutual TLS to nginx's identity",
            ISTIO_INGRESS,
            GATEWAY,
            {"requested_server_name": f"passthrough.{domain}", "upstream_peer_uri_san": f"/ns/{NAMESPACE}/sa/{NGINX}"},
        ),
    )
    for title, namespace, app, fields in lines:
        shown = line_of("downstream_tls_version", "upstream_host", **fields)
        steps.until(title, proxy_log(namespace, app), expect=logged(**fields), shown=shown, timeout=PATIENCE)


def code(number: int) -> Expectation:
    return prints(f"HTTP {number}")


def apply(steps: Steps, title: str, text: str) -> None:
    steps.run(title, ["kubectl", "apply", "-f", "-"], stdin=text)


def main() -> int:
    """The exit code."""
    return watch("TLS passthrough: an application that ends TLS itself, in a zero-trust mesh", script)


if __name__ == "__main__":
    raise SystemExit(main())
