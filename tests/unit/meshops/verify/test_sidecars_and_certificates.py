"""What is said of sidecars outside the mesh, and of the certificate that cert-manager made, is read from the thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from meshops.verify import certificate
from meshops.verify.facts import Facts, Objects
from tests.unit.meshops.verify.failures import OK, answers
from tests.unit.meshops.verify.world import NOW, healthy, pod, stack, verdict


def test_outside_the_mesh_it_is_the_sidecar_that_fails() -> None:
    outside = stack("outside")
    facts = healthy(outside)
    assert isinstance(facts.objects, Objects)

    def with_ledger(*, sidecar: bool) -> tuple[str, str]:
        assert isinstance(facts.objects, Objects)
        ledger = pod("ledgers", "ledger-1", labels={"app": "ledger"}, sidecar=sidecar)
        others = tuple(one for one in facts.objects.pods if one.namespace != "ledgers")
        found = verdict("MV601", replace(facts, objects=replace(facts.objects, pods=(*others, ledger))), outside)
        return found.status, " ".join((found.finding, *found.evidence))

    assert with_ledger(sidecar=False)[0] == "pass"
    status, said = with_ledger(sidecar=True)
    assert status == "fail"
    assert "ledgers/ledger-1 has a sidecar and is outside the mesh" in said


def test_a_gateway_certificate_with_an_rsa_key_fails() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    found = verdict("MV203", answers("gateway", replace(OK, certificates=(_self_signed(key),)))(healthy()))

    assert found.status == "fail"
    assert "RSA 2048" in found.finding
    assert "not ECDSA P-256" in found.finding


def test_a_certificate_is_read_as_it_was_issued() -> None:
    found = certificate.read(_self_signed(ec.generate_private_key(ec.SECP256R1())))

    assert (found.key, found.lifetime, found.self_signed, found.issuer) == (
        "ECDSA secp256r1",
        timedelta(hours=2160),
        True,
        "CN=mesh",
    )


def _self_signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mesh")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(hours=2160))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _with_another_billing(facts: Facts, seconds: int) -> Facts:
    assert isinstance(facts.objects, Objects)
    (first,) = (pod for pod in facts.objects.pods if pod.name == "billing-1")
    new = replace(first, name="billing-2", ready=False, made=NOW - timedelta(seconds=seconds))
    return replace(facts, objects=replace(facts.objects, pods=(*facts.objects.pods, new)))


def test_a_pod_that_an_autoscaler_made_a_moment_ago_is_no_failure() -> None:
    found = verdict("MV601", _with_another_billing(healthy(), seconds=30))
    assert found.status == "pass"
    assert "shop/billing-2 is starting, beside others that are ready" in found.evidence


def test_a_pod_that_never_becomes_ready_is_one() -> None:
    found = verdict("MV601", _with_another_billing(healthy(), seconds=300))
    assert (found.status, found.finding) == ("fail", "shop/billing-2 is not ready (Running)")
