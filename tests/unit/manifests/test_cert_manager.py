"""The issuer and the gateway's certificate."""

from __future__ import annotations

from configuration.mesh import Certificates
from manifests.cert_manager import cert_manager_values, certificate_documents
from manifests.images import Images
from tests.unit.manifests.golden_files import assert_golden


def test_a_self_signed_certificate_by_default() -> None:
    documents = certificate_documents(Certificates(), domain="example.com")
    assert documents.issuer_name == "mesh-self-signed"
    assert_golden("certificates-self-signed", [*documents.issuers, documents.certificate])


def test_an_internal_ca_signs_where_the_settings_ask_for_one() -> None:
    settings = Certificates(issuer="internalCa", duration_hours=720, renew_before_hours=240)
    documents = certificate_documents(settings, domain="example.com")
    assert documents.issuer_name == "mesh-internal-ca"
    assert_golden("certificates-internal-ca", [*documents.issuers, documents.certificate])


def test_the_crds_outlive_the_chart() -> None:
    assert cert_manager_values(Images()) == {
        "crds": {"enabled": True, "keep": True},
        "imageRegistry": "quay.io",
        "imageNamespace": "jetstack",
        # Or `edit` could ask the platform's issuers for certificates.
        "global": {"leaderElection": {"namespace": "cert-manager"}, "rbac": {"aggregateClusterRoles": False}},
    }


def test_all_of_its_images_come_from_the_private_registry() -> None:
    values = cert_manager_values(Images("registry.internal.example.com/mesh"))
    assert (values["imageRegistry"], values["imageNamespace"]) == ("registry.internal.example.com/mesh", "jetstack")
