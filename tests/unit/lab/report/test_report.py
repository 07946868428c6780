"""The lab's report: what makes a line fail, and that stand-ins and differences are never silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.build.pins import DIFFERENCES
from lab.cluster.overrides import OVERRIDES, values_for
from lab.report.inspection import Analysis, ApplicationPod, Inspection, read_certificate
from lab.report.report import Line, compose, failed, render
from meshops.checks.model import Result, Status, Verdict
from meshops.preflight.subnets import CHECK
from tests.unit.lab.report.facts import APPLIED, CERTIFICATE, INSPECTION, WILDCARD, pod, settings


def lines(found: Inspection = INSPECTION, phase: str = "strict") -> dict[str, Line]:
    return {line.title: line for line in compose(found, APPLIED, settings(phase))}


def test_a_lab_as_it_should_be_has_no_failed_line() -> None:
    composed = compose(INSPECTION, APPLIED, settings())
    assert failed(composed) is False
    assert [(line.title, line.status) for line in composed if line.section == "From the cluster"] == [
        ("charts", "ok"),
        ("objects", "ok"),
        ("istioctl analyze", "ok"),
        ("gateway certificate", "ok"),
        ("sidecars", "ok"),
        ("preflight MP101", "ok"),
    ]


def test_a_release_that_is_not_deployed_fails() -> None:
    pending = replace(INSPECTION.charts[0], status="pending-install")
    line = lines(replace(INSPECTION, charts=(pending,)))["charts"]
    assert (line.status, line.text) == ("failed", "not deployed: istio-system/istiod")


def test_an_object_that_is_missing_in_the_cluster_fails_with_its_kind() -> None:
    line = lines(replace(INSPECTION, objects={"Namespace": 2, "Sidecar": 2}))["objects"]
    assert (line.status, line.details) == ("failed", ("Sidecar: 2 in the cluster, 3 registered",))


def test_an_object_that_nobody_registered_fails_too() -> None:
    line = lines(replace(INSPECTION, objects={**INSPECTION.objects, "Gateway": 1}))["objects"]
    assert (line.status, line.details) == ("failed", ("Gateway: 1 in the cluster, 0 registered",))


def test_an_understood_finding_is_shown_with_its_reason() -> None:
    line = lines()["istioctl analyze"]
    assert (line.status, line.details) == (
        "ok",
        (
            "IST0174: istioctl looks a rule's host up among exact names only; istiod does match a wildcard "
            "(DestinationRule istio-system/mesh-mutual-tls)",
        ),
    )


@pytest.mark.parametrize(
    "finding",
    [
        replace(WILDCARD, origin="DestinationRule shop/web"),
        replace(WILDCARD, message="The host web defined in the DestinationRule does not match any services."),
        Analysis(code="IST0102", level="Info", origin="Namespace shop", message="not enabled"),
        Analysis(code="IST0101", level="Error", origin="VirtualService shop/web", message="not found"),
    ],
)
def test_any_other_finding_of_istioctl_fails_whatever_its_level(finding: Analysis) -> None:
    line = lines(replace(INSPECTION, analysis=(WILDCARD, finding)))["istioctl analyze"]
    assert (line.status, line.details) == (
        "failed",
        (f"{finding.level} {finding.code} {finding.origin}: {finding.message}",),
    )


def test_an_istioctl_that_cannot_tell_fails_with_its_words() -> None:
    line = lines(replace(INSPECTION, analysis=None, analysis_problem="connection refused"))["istioctl analyze"]
    assert (line.status, line.text) == ("failed", "connection refused")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"key": "RSA or another"}, "its key is RSA or another, not ECDSA P-256"),
        ({"key": "ECDSA secp384r1"}, "its key is ECDSA secp384r1, not ECDSA P-256"),
        ({"lifetime": timedelta(hours=24)}, "it lives 24 h, not 2160 h"),
    ],
)
def test_a_certificate_of_another_kind_fails(changes: dict[str, object], text: str) -> None:
    spoilt = replace(CERTIFICATE, **changes)  # type: ignore[arg-type]
    line = lines(replace(INSPECTION, certificate=spoilt))["gateway certificate"]
    assert (line.status, line.text) == ("failed", text)


def test_a_certificate_that_was_not_issued_fails() -> None:
    line = lines(replace(INSPECTION, certificate=None))["gateway certificate"]
    assert (line.status, line.text) == ("failed", "cert-manager has not issued it")


@pytest.mark.parametrize(
    ("spoilt", "text"),
    [
        (ApplicationPod(namespace="shop", application="job"), "shop/job has no pod"),
        (replace(pod("job"), proxy_image=""), "shop/job has no sidecar"),
        (replace(pod("job"), revision="1-30-0"), "shop/job has a sidecar of revision '1-30-0', not '1-31-1'"),
    ],
)
def test_an_application_without_a_pod_with_the_right_sidecar_fails(spoilt: ApplicationPod, text: str) -> None:
    line = lines(replace(INSPECTION, pods=(pod("web"), spoilt)))["sidecars"]
    assert (line.status, line.text) == ("failed", text)


def test_outside_the_mesh_it_is_the_sidecar_that_fails() -> None:
    bare = replace(INSPECTION, pods=(replace(pod("web"), proxy_image="", revision=""),))
    assert lines(bare, phase="outside")["sidecars"].status == "ok"
    assert lines(phase="outside")["sidecars"].text == (
        "shop/web has a sidecar outside the mesh; shop/job has a sidecar outside the mesh"
    )


def test_running_pods_are_counted_and_one_that_does_not_run_fails() -> None:
    assert lines()["sidecars"].text == "in the running pod of each of 2 applications"
    waiting = lines(replace(INSPECTION, pods=(pod("web"), replace(pod("job"), phase="Pending"))))["sidecars"]
    assert (waiting.status, waiting.text) == ("failed", "shop/job has a pod that is Pending")


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_preflight_check_that_does_not_pass_fails_and_shows_its_remedy(status: Status) -> None:
    verdict = Verdict(status=status, finding="1 zone of the 2 needed.", remedy="Tag another.")
    line = lines(replace(INSPECTION, preflight=(Result(check=CHECK, verdict=verdict),)))["preflight MP101"]
    assert (line.status, line.text, line.details) == ("failed", "1 zone of the 2 needed.", ("remedy: Tag another.",))


def test_everything_that_stands_in_is_named_and_counted() -> None:
    noted = {line.title: (line.text, line.details) for line in lines().values() if line.section == "What stands in"}
    assert noted == {
        "AWS": (
            "moto at http://127.0.0.1:5000, in memory; 5 resources really exist in it",
            ("1 Vpc, 4 Subnet",),
        ),
        "AWS, recorded only": ("4 resources of types that moto does not implement", ("4 Addon",)),
        "hosted zone": ("the settings' own exists in moto under an id of moto's choice, and is translated", ()),
        "load balancer": (
            "stand-in for an ALB: Ingress in/gateway at 10.201.0.10, ports 80, 443, 1 of 2 targets healthy",
            (),
        ),
        "image */collector:*": ("counts spans", ()),
        "release kube-system/aws-load-balancer-controller": (
            "not installed: no package registry carries its chart",
            (),
        ),
    }


def test_every_pin_that_differs_and_every_override_is_in_the_report() -> None:
    text = render(compose(INSPECTION, APPLIED, settings()))
    for difference in DIFFERENCES:
        assert difference.lab in text
    for override in OVERRIDES:
        assert str(override) in text
        assert override.reason in text


def test_a_failed_line_stands_out() -> None:
    text = render((Line(status="failed", title="charts", text="none", details=("why",)),))
    assert text.splitlines() == ["From the cluster", "FAILED charts: none", "         why"]


def test_an_override_lies_over_the_programs_values_and_leaves_them_untouched() -> None:
    values = {"telemetry": {"v2": {"enabled": True}}, "pilot": {"cni": {"enabled": True}}}
    assert values_for("istiod", values) == {
        "telemetry": {"v2": {"enabled": True}, "enabled": False},
        "pilot": {"cni": {"enabled": True}},
    }
    assert values["telemetry"] == {"v2": {"enabled": True}}
    assert values_for("gateway", values) == values


def test_a_certificate_is_read_as_it_was_issued() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mesh")])
    begins = datetime(2026, 11, 21, tzinfo=UTC)
    pem = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(hours=2160))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.test.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    found = read_certificate(pem)
    assert (found.key, found.lifetime, found.issuer, found.names) == (
        "ECDSA secp256r1",
        timedelta(hours=2160),
        "itself (self-signed)",
        ("*.test.example.com",),
    )
