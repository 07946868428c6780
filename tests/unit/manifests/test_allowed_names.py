"""The names that are looked up for a stack: what it declares, what its nodes need, where its images come from."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest

from manifests.allowed_names import allowed_names
from tests.unit.configuration.bad_authentication import authentication
from tests.unit.configuration.bad_settings import API, UI, put, stack
from tests.unit.configuration.test_settings import read

AWS = (
    "ec2.eu-west-1.amazonaws.com",
    "sts.eu-west-1.amazonaws.com",
    "api.ecr.eu-west-1.amazonaws.com",
    "elasticloadbalancing.eu-west-1.amazonaws.com",
    "wafv2.eu-west-1.amazonaws.com",
    "eks-auth.eu-west-1.api.aws",
    "*.eu-west-1.eks.amazonaws.com",
    "xray.eu-west-1.amazonaws.com",
    "logs.eu-west-1.amazonaws.com",
    "monitoring.eu-west-1.amazonaws.com",
    "*.eu-west-1.compute.internal",
    "*.dkr.ecr.eu-west-1.amazonaws.com",
    "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
)
REGISTRY = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/mesh"


def reasons(*changes: tuple[str, object]) -> dict[str, str]:
    """name -> why it is allowed, for the reference stack with these changes."""
    tree = stack()
    for path, value in changes:
        put(path, value)(tree)
    return {found.name: found.reason for found in allowed_names(read(tree))}


def test_the_reference_stack_has_these_names_and_no_other() -> None:
    assert tuple(reasons()) == (
        "api.stripe.com",
        *AWS,
        "registry-1.docker.io",
        "auth.docker.io",
        "production.cloudfront.docker.com",
        "quay.io",
        "*.quay.io",
        "public.ecr.aws",
        "d2glxqk2uabbnd.cloudfront.net",
        "d5l0dvt14r5h8.cloudfront.net",
        "registry.example.com",
    )


def test_with_a_registry_of_ones_own_no_public_one_is_looked_up() -> None:
    applications: list[dict[str, Any]] = [{"name": "api", "image": "ghcr.io/example/api:1", "port": 3000}]
    found = reasons(("imageRegistry", REGISTRY), ("namespaces.0.applications", applications))
    assert tuple(found) == AWS


def test_an_application_brings_its_hosts_and_its_issuers_keys() -> None:
    tokens = authentication()
    tokens["issuers"][0]["issuer"] = "https://login.example.com/realm"
    tokens["issuers"][0]["jwksUri"] = "https://keys.example.com:8443/realm?x=1"
    found = reasons(
        (f"{UI}.authentication", tokens), (f"{API}.egress", [{"host": "db.example.net", "protocol": "TCP"}])
    )
    assert found["db.example.net"] == "egress of shop/api"
    assert found["keys.example.com"] == "keys of the users of shop/ui"
    assert "login.example.com" not in found, "istiod asks for the keys, and nobody asks the issuer"


@pytest.mark.parametrize("phase", ["outside", "permissive", "strict"])
def test_a_host_is_allowed_in_whichever_phase_its_namespace_is(phase: str) -> None:
    assert "api.stripe.com" in reasons(("namespaces.0.phase", phase))


def test_what_is_listed_beside_the_declared_is_allowed_and_known_by_its_setting() -> None:
    found = reasons(("network.dnsFirewall", {"allowedNames": ["*.corp.example.com", "api.stripe.com"]}))
    assert found["*.corp.example.com"] == "network.dnsFirewall.allowedNames"
    assert found["api.stripe.com"] == "egress of shop/api", "each name once, with its first reason"


def test_a_feature_that_is_off_needs_no_name() -> None:
    found = reasons(("observability", {"tracing": False, "containerLogs": False}))
    assert {"xray", "logs", "monitoring"}.isdisjoint(name.partition(".")[0] for name in found)
    assert reasons(("observability.tracing", False))["registry-1.docker.io"] == "the image of Istio"


def test_karpenter_asks_for_its_own_services_and_none_without_it() -> None:
    found = reasons(("cluster.nodeGroup", {"autoscaler": "karpenter"}))
    mine = {name for name, reason in found.items() if reason == "Karpenter"}
    assert mine == {
        "eks.eu-west-1.amazonaws.com",
        "sqs.eu-west-1.amazonaws.com",
        "ssm.eu-west-1.amazonaws.com",
        "iam.amazonaws.com",
        "api.pricing.eu-central-1.amazonaws.com",
    }
    assert not mine & reasons().keys()
    for service, region in (
        ("eks", "eu-west-1"),
        ("sqs", "eu-west-1"),
        ("ssm", "eu-west-1"),
        ("pricing", "eu-central-1"),
    ):
        assert host_of(service, region) in mine, "as the SDK spells it"


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("app:1", {"registry-1.docker.io", "auth.docker.io", "production.cloudfront.docker.com"}),
        ("ghcr.io/example/app:1", {"ghcr.io", "pkg-containers.githubusercontent.com"}),
        ("registry.example.com:5000/app:1", {"registry.example.com"}),
        ("registry.k8s.io/app:1", {"registry.k8s.io"}),
        (
            "111122223333.dkr.ecr.us-east-1.amazonaws.com/app:1",
            {
                "*.dkr.ecr.us-east-1.amazonaws.com",
                "api.ecr.us-east-1.amazonaws.com",
                "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com",
            },
        ),
        ("10.0.0.9:5000/app:1", set()),
        ("localhost:5000/app:1", set()),
    ],
)
def test_an_image_brings_its_registry_and_where_that_redirects_to(image: str, names: set[str]) -> None:
    found = reasons((f"{API}.image", image))
    mine = {name for name, reason in found.items() if reason.endswith("shop/api") and "image" in reason}
    assert names <= found.keys()
    assert mine <= names


def test_every_name_is_one_that_route_53_takes() -> None:
    for name in reasons(("network.dnsFirewall", {"allowedNames": ["*.corp.example.com"]})):
        assert re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", name), name
        assert len(name) <= 255


@pytest.mark.parametrize(
    "service", ["ec2", "sts", "ecr", "elbv2", "wafv2", "eks-auth", "xray", "logs", "cloudwatch"]
)  # fmt: skip
def test_a_service_is_spelled_as_the_sdk_spells_it(service: str) -> None:
    assert host_of(service, "eu-west-1") in AWS


def host_of(service: str, region: str) -> str:
    client: Any = boto3.client(service, region_name=region, aws_access_key_id="none", aws_secret_access_key="none")
    return client.meta.endpoint_url.removeprefix("https://")
