"""The AWS Load Balancer Controller in a whole lab, and what it makes: from a client to an application."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from configuration.load_balancer import LoadBalancer
from lab.aws import moto
from lab.aws.made import Aws
from lab.load_balancer import report
from lab.load_balancer.report import Standing
from lab.state import State
from manifests.document import Document, document
from manifests.ingress import INGRESS_NAME, alb_ingress, nlb_service
from manifests.names import GATEWAY, GATEWAY_SELECTOR, GATEWAY_TLS_SECRET, ISTIO_INGRESS, PASSTHROUGH_PORT
from tests.lab.load_balancer.alb_parts import await_that
from tests.whole_lab import WholeLab

HOST = "app.lab.example.com"
REGION = "eu-west-1"
ALB = f"Ingress {ISTIO_INGRESS}/{INGRESS_NAME}"
NAMED_PORT, ANY_PORT = 9643, 9644
CERTIFICATE_ANNOTATION = "alb.ingress.kubernetes.io/certificate-arn"
SETTINGS = LoadBalancer(
    domain="lab.example.com",
    scheme="internet-facing",
    allowed_cidrs=(IPv4Network("0.0.0.0/0"),),
    deletion_protection=False,
)


def aws(lab: WholeLab) -> Aws:
    endpoint = moto.endpoint_of(State(root=lab.state))
    assert endpoint is not None
    return Aws(endpoint_url=endpoint, region=REGION)


def certificate_arn(lab: WholeLab) -> str:
    annotations = lab.get("ingress", INGRESS_NAME, "-n", ISTIO_INGRESS)["metadata"]["annotations"]
    return annotations[CERTIFICATE_ANNOTATION]


def standing(lab: WholeLab, source: str) -> Standing | None:
    return next((each for each in report.read(lab.state) if each.source == source), None)


def healthy(lab: WholeLab, source: str) -> bool:
    found = standing(lab, source)
    return found is not None and bool(found.targets) and set(found.targets.values()) == {"healthy"}


def address(lab: WholeLab, source: str = ALB) -> str:
    found = standing(lab, source)
    assert found is not None, f"{source} is not served: {report.read(lab.state)}"
    return found.address


@pytest.fixture(scope="module")
def trusted(whole_lab: WholeLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ALB's certificate as ACM gives it out."""
    file = tmp_path_factory.mktemp("acm") / "certificate.pem"
    arn = certificate_arn(whole_lab)
    file.write_text(aws(whole_lab).client("acm").get_certificate(CertificateArn=arn)["Certificate"])
    return file


def curl(lab: WholeLab, trusted: Path, *arguments: str, at: str = "") -> tuple[int, str]:
    """Exit code, and header fields with the body."""
    finished = subprocess.run(
        [
            "curl", "--silent", "--include", "--max-time", "15", "--cacert", trusted, *arguments,
            "--resolve", f"{HOST}:443:{at or address(lab)}", f"https://{HOST}/",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return finished.returncode, finished.stdout


def test_a_client_reaches_an_application_through_the_alb_and_the_gateway(whole_lab: WholeLab, trusted: Path) -> None:
    ended, answer = curl(whole_lab, trusted)
    assert ended == 0
    assert answer.startswith("HTTP/2 200")
    assert "server: istio-envoy" in answer, "the answer is the gateway's and not the load balancer's own"


def test_the_listener_serves_acms_certificate_over_tls_13_only(whole_lab: WholeLab, trusted: Path) -> None:
    served = ssl.get_server_certificate((address(whole_lab), 443))
    assert ssl.PEM_cert_to_DER_cert(served) == ssl.PEM_cert_to_DER_cert(trusted.read_text())
    assert curl(whole_lab, trusted, "--tls-max", "1.2")[0] == 35


def test_the_status_carries_awss_name_and_the_labs_book_its_address(whole_lab: WholeLab) -> None:
    status = whole_lab.get("ingress", INGRESS_NAME, "-n", ISTIO_INGRESS)["status"]
    (balancer,) = aws(whole_lab).client("elbv2").describe_load_balancers()["LoadBalancers"]
    (entry,) = status["loadBalancer"]["ingress"]
    assert entry["hostname"] == balancer["DNSName"]
    assert report.addresses(whole_lab.state)[entry["hostname"]] == address(whole_lab)


def test_aws_shows_the_load_balancer_with_its_policy_certificate_and_targets(whole_lab: WholeLab) -> None:
    elb = aws(whole_lab).client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    listeners = {each["Port"]: each for each in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    assert listeners[80]["DefaultActions"][0]["Type"] == "redirect"
    assert listeners[443]["SslPolicy"] == SETTINGS.ssl_policy
    assert listeners[443]["Certificates"] == [{"CertificateArn": certificate_arn(whole_lab)}]
    (group,) = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    pods = whole_lab.get("pods", "-n", ISTIO_INGRESS, "-l", "istio=ingressgateway")["items"]
    assert {each["Target"]["Id"] for each in health} == {pod["status"]["podIP"] for pod in pods}
    (tags,) = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert {"Key": "ingress.k8s.aws/stack", "Value": f"{ISTIO_INGRESS}/{INGRESS_NAME}"} in tags["Tags"]


def test_the_nodes_group_lets_the_load_balancers_group_reach_the_pods_and_their_health(whole_lab: WholeLab) -> None:
    ec2 = aws(whole_lab).client("ec2")
    (balancer,) = aws(whole_lab).client("elbv2").describe_load_balancers()["LoadBalancers"]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    (node,) = [group for group in groups if group["GroupName"].startswith("eks-cluster-sg-")]
    opened = {
        pair["GroupId"]: (rule["FromPort"], rule["ToPort"])
        for rule in node["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
        if "elbv2.k8s.aws" in pair.get("Description", "")
    }
    assert list(opened.values()) == [(443, 15021)]
    assert opened.keys() <= set(balancer["SecurityGroups"])


def test_a_certificate_that_acm_does_not_have_is_refused_by_an_event_and_the_old_one_is_served_on(
    whole_lab: WholeLab, trusted: Path
) -> None:
    # What other tests broke and put back has another owner since: it is taken over first.
    before = whole_lab.command("up", "--no-proofs")
    assert before.returncode == 0, before.stdout + before.stderr
    wanted, unknown = certificate_arn(whole_lab), f"arn:aws:acm:{REGION}:111122223333:certificate/unknown"
    _annotate(whole_lab, unknown)
    try:
        said = f"CertificateNotFound: Certificate {unknown} not found"
        await_that(lambda: said in _refused(whole_lab), lambda: _refused(whole_lab))
        logs = whole_lab.command("logs", "kube-system/aws-load-balancer-controller").stdout
        assert said in logs, "the log of the controller that leads is among them"
        assert curl(whole_lab, trusted)[1].startswith("HTTP/2 200")
    finally:
        again = whole_lab.command("up", "--no-proofs")
    assert again.returncode == 0, again.stdout + again.stderr
    updated = [line.rsplit(" ", 1)[-1] for line in again.stdout.splitlines() if line.startswith("updated: ")]
    assert updated == [f"{ISTIO_INGRESS}/{INGRESS_NAME}"], "what someone changed is taken back, and named"
    assert certificate_arn(whole_lab) == wanted
    assert _refused(whole_lab) == ""


def _annotate(lab: WholeLab, arn: str) -> None:
    annotation = f"{CERTIFICATE_ANNOTATION}={arn}"
    done = lab.tool("kubectl", "annotate", "ingress", INGRESS_NAME, "-n", ISTIO_INGRESS, "--overwrite", annotation)
    assert done.returncode == 0, done.stderr


def _refused(lab: WholeLab) -> str:
    """The controller's newest word of the Ingress, if it is a warning."""
    selector = f"--field-selector=involvedObject.kind=Ingress,involvedObject.name={INGRESS_NAME}"
    events = lab.get("events", "-n", ISTIO_INGRESS, selector)["items"]
    newest = max(events, key=lambda event: int(event["metadata"]["resourceVersion"]))
    return newest["message"] if newest["type"] == "Warning" else ""


def test_an_ingress_for_whose_subnets_nobody_has_set_tags_ends_make_lab_in_the_controllers_words(
    whole_lab: WholeLab,
) -> None:
    ec2, role = aws(whole_lab).client("ec2"), "kubernetes.io/role/elb"
    tagged = ec2.describe_subnets(Filters=[{"Name": "tag-key", "Values": [role]}])["Subnets"]
    subnets = [subnet["SubnetId"] for subnet in tagged]
    gone = whole_lab.tool("kubectl", "delete", "ingress", INGRESS_NAME, "-n", ISTIO_INGRESS, "--timeout=60s")
    assert gone.returncode == 0, gone.stderr
    assert aws(whole_lab).client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    ec2.delete_tags(Resources=subnets, Tags=[{"Key": role}])
    # It finds subnets by their routes where no tag says anything, and nobody makes routes in the lab's account.
    try:
        refused = whole_lab.command("up", "--no-proofs")
        assert refused.returncode == 1
        assert "the AWS Load Balancer Controller refused Ingress" in refused.stderr, refused.stderr
        assert "couldn't auto-discover subnets" in refused.stderr
    finally:
        ec2.create_tags(Resources=subnets, Tags=[{"Key": role, "Value": "1"}])
        again = whole_lab.command("up", "--no-proofs")
    assert again.returncode == 0, again.stdout + again.stderr


# --- the end of a load balancer --------------------------------------------------------------------------------


def test_without_its_controller_an_ingress_stays_and_its_load_balancer_is_orphaned(whole_lab: WholeLab) -> None:
    """A destroy in another order than the program's: the controller first."""
    controller = ("deployment/aws-load-balancer-controller", "-n", "kube-system")
    ingress = alb_ingress(SETTINGS, certificate_arn=certificate_arn(whole_lab))
    ingress["metadata"]["name"] = "orphan"
    applied = whole_lab.tool("kubectl", "apply", "--server-side", "--filename=-", stdin=json.dumps(ingress))
    assert applied.returncode == 0, applied.stderr
    orphan = f"Ingress {ISTIO_INGRESS}/orphan"
    await_that(lambda: standing(whole_lab, orphan) is not None)
    assert whole_lab.tool("kubectl", "scale", *controller, "--replicas=0").returncode == 0
    try:
        ended = whole_lab.tool("kubectl", "wait", "--for=delete", "pod", "-n", "kube-system", "--timeout=60s",
                               "--selector=app.kubernetes.io/name=aws-load-balancer-controller")  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        whole_lab.tool("kubectl", "delete", "ingress", "orphan", "-n", ISTIO_INGRESS, "--wait=false")
        time.sleep(5)
        left = whole_lab.get("ingress", "orphan", "-n", ISTIO_INGRESS)["metadata"]
        assert left["deletionTimestamp"]
        assert left["finalizers"] == ["ingress.k8s.aws/resources"]
        assert standing(whole_lab, orphan) is not None, "it costs on"
    finally:
        assert whole_lab.tool("kubectl", "scale", *controller, "--replicas=2").returncode == 0
    await_that(lambda: standing(whole_lab, orphan) is None, lambda: str(report.read(whole_lab.state)), seconds=90)
    assert whole_lab.tool("kubectl", "get", "ingress", "orphan", "-n", ISTIO_INGRESS).returncode == 1


def doors(*ports: int) -> Document:
    """The gateway's own NetworkPolicy names the stack's ports only."""
    spec = {
        "podSelector": {"matchLabels": dict(GATEWAY_SELECTOR)},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in ports]}],
    }
    return document("networking.k8s.io/v1", "NetworkPolicy", "scratch-doors", namespace=ISTIO_INGRESS, spec=spec)


# --- trap 3, through the load balancer itself ------------------------------------------------------------------


@pytest.fixture
def scratch(whole_lab: WholeLab) -> Iterator[WholeLab]:
    """A Gateway for a named host and one for any, each behind an ALB of its own."""
    documents: list[Document] = [doors(NAMED_PORT, ANY_PORT)]
    for name, port, host in (("named", NAMED_PORT, HOST), ("any", ANY_PORT, "*")):
        server = {
            "port": {"number": port, "name": name, "protocol": "HTTPS"},
            "hosts": [host],
            "tls": {"mode": "SIMPLE", "credentialName": GATEWAY_TLS_SECRET, "minProtocolVersion": "TLSV1_3"},
        }
        spec = {"selector": dict(GATEWAY_SELECTOR), "servers": [server]}
        documents.append(
            document("networking.istio.io/v1", "Gateway", f"scratch-{name}", namespace=ISTIO_INGRESS, spec=spec)
        )
        service = {"selector": dict(GATEWAY_SELECTOR), "ports": [{"name": "https", "port": 443, "targetPort": port}]}
        documents.append(document("v1", "Service", f"scratch-{name}", namespace=ISTIO_INGRESS, spec=service))
        ingress = alb_ingress(SETTINGS, certificate_arn=certificate_arn(whole_lab))
        ingress["metadata"]["name"] = f"scratch-{name}"
        ingress["spec"]["defaultBackend"]["service"]["name"] = f"scratch-{name}"
        documents.append(ingress)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    done = whole_lab.tool("kubectl", "apply", "--server-side", "--filename=-", stdin=text)
    assert done.returncode == 0, done.stderr
    yield whole_lab
    gone = whole_lab.tool("kubectl", "delete", "--filename=-", stdin=text)
    assert gone.returncode == 0, gone.stderr
    await_that(lambda: {each.source for each in report.read(whole_lab.state)} == {ALB})


def test_behind_an_alb_a_gateway_for_a_named_host_answers_nobody_and_one_for_any_host_answers(
    scratch: WholeLab, trusted: Path
) -> None:
    named, every = (f"Ingress {ISTIO_INGRESS}/scratch-{name}" for name in ("named", "any"))
    await_that(lambda: healthy(scratch, named) and healthy(scratch, every), lambda: str(report.read(scratch.state)))
    at = address(scratch, every)
    # No route leads on from these; that the gateway says so is what matters.
    await_that(lambda: "server: istio-envoy" in curl(scratch, trusted, at=at)[1], lambda: str(curl(scratch, trusted)))
    refused = curl(scratch, trusted, at=address(scratch, named))[1]
    assert refused.startswith("HTTP/2 502")
    assert "server: awselb/2.0" in refused
    # The listener is there, and what it misses is the name: with one, the same port answers.
    pod = scratch.get("pods", "-n", ISTIO_INGRESS, "-l", "istio=ingressgateway")["items"][0]["status"]["podIP"]
    assert not _handshake(pod, NAMED_PORT, name=None)
    assert _handshake(pod, NAMED_PORT, name=HOST)


def _handshake(where: str, port: int, *, name: str | None) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(socket.create_connection((where, port), timeout=5), server_hostname=name):
            return True
    except OSError:
        return False


# --- the NLB ---------------------------------------------------------------------------------------------------


def test_an_nlb_passes_the_clients_tls_through_to_the_gateway(whole_lab: WholeLab) -> None:
    service = nlb_service(SETTINGS)
    source = f"Service {ISTIO_INGRESS}/{service['metadata']['name']}"
    # No application of the lab ends its own TLS: on the NLB's port the gateway does it here, so that somebody does.
    server = {
        "port": {"number": PASSTHROUGH_PORT, "name": "scratch", "protocol": "HTTPS"},
        "hosts": ["*"],
        "tls": {"mode": "SIMPLE", "credentialName": GATEWAY_TLS_SECRET, "minProtocolVersion": "TLSV1_3"},
    }
    spec = {"selector": dict(GATEWAY_SELECTOR), "servers": [server]}
    gateway = document("networking.istio.io/v1", "Gateway", "scratch-nlb", namespace=ISTIO_INGRESS, spec=spec)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, gateway, doors(PASSTHROUGH_PORT)]})
    assert whole_lab.tool("kubectl", "apply", "--server-side", "--filename=-", stdin=text).returncode == 0
    try:
        await_that(lambda: healthy(whole_lab, source), lambda: str(report.read(whole_lab.state)))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.create_connection((address(whole_lab, source), 443), timeout=10)
        with context.wrap_socket(raw, server_hostname=HOST) as connection:
            served = connection.getpeercert(binary_form=True)
        pods = whole_lab.get("pods", "-n", ISTIO_INGRESS, "-l", "istio=ingressgateway")["items"]
        own = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((pods[0]["status"]["podIP"], PASSTHROUGH_PORT)))
        assert served == own, "the handshake is the gateway's: its certificate and not ACM's"
    finally:
        assert whole_lab.tool("kubectl", "delete", "--filename=-", stdin=text).returncode == 0
    await_that(lambda: standing(whole_lab, source) is None)


# --- no request is lost ----------------------------------------------------------------------------------------


def test_a_rolling_restart_of_the_gateway_under_load_loses_no_request(whole_lab: WholeLab, trusted: Path) -> None:
    stop = threading.Event()
    statuses: list[int | str] = []
    where = address(whole_lab)

    def client(*, keep: bool) -> None:
        deadline = time.monotonic() + 180
        connection: _Client | None = None
        while not stop.wait(0.05) and time.monotonic() < deadline:
            connection = connection or _Client(where, trusted)
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
            except (OSError, http.client.HTTPException) as problem:
                statuses.append(repr(problem))
                keep = False
            if not keep:
                connection.close()
                connection = None

    clients = [threading.Thread(target=client, kwargs={"keep": keep}) for keep in (True, False)]
    for thread in clients:
        thread.start()
    deployment = f"deployment/{GATEWAY}"
    assert whole_lab.tool("kubectl", "rollout", "restart", deployment, "-n", ISTIO_INGRESS).returncode == 0
    rolled = whole_lab.tool("kubectl", "rollout", "status", deployment, "-n", ISTIO_INGRESS, "--timeout=110s")
    # The old pods are gone from the Service, but not yet from the machine.
    time.sleep(3)
    stop.set()
    for thread in clients:
        thread.join()
    assert rolled.returncode == 0, rolled.stderr
    assert len(statuses) > 50
    assert set(statuses) == {200}
    found = whole_lab.get("pods", "-n", ISTIO_INGRESS, "-l", "istio=ingressgateway")["items"]
    # The first pods came before the load balancer, and without a gate; they finish what they have.
    pods = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
    assert pods
    gates = [gate["conditionType"] for pod in pods for gate in pod["spec"].get("readinessGates", ())]
    assert len(gates) == len(pods), "each new pod waited until the load balancer found it healthy"
    assert all(gate.startswith("target-health.elbv2.k8s.aws/") for gate in gates)
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    assert len(nodes) == len(pods), "a rollout ends with a pod in each zone, as it began"


class _Client(http.client.HTTPSConnection):
    """One connection to the ALB, as a browser has it."""

    def __init__(self, where: str, trusted: Path) -> None:
        self._where = where
        self._trust = ssl.create_default_context(cafile=str(trusted))
        # ACM's stand-in names an issuer that nobody has: the certificate itself is what is trusted.
        self._trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        super().__init__(HOST, timeout=20)

    def connect(self) -> None:
        raw = socket.create_connection((self._where, 443), timeout=20)
        self.sock = self._trust.wrap_socket(raw, server_hostname=HOST)
