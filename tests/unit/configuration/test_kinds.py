"""Kinds of value beside the tables of those who judge them in the end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from configuration.kinds.images import Image
from configuration.kinds.paths import Directory, Path
from configuration.kinds.quantities import Cpu, Memory, bytes_of


def taken(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


# istio/istio, pkg/config/security/security_test.go, TestCheckValidPathTemplate: (path, whether Istio refuses it).
ISTIO: tuple[tuple[str, bool], ...] = (
    ("/{*}/foo", False),
    ("/{*}/foo/", False),
    ("/foo/{**}/bar", False),
    ("/foo/bar/{**}", False),
    ("/foo/{**}buzz/bar", True),
    ("/{*}/foo/{}/bar", True),
    ("/foo/{*}/bar/*", True),
    ("/foo/{*}/bar/**/buzz", True),
    ("/foo/{buzz}/bar", True),
    ("/{buzz}", True),
    ("/foo/{buzz}/bar/{**}", True),
    ("/foo/{buzz=*}/bar/{**}", True),
    ("/{*}/foo/{buzz=**}/bar", True),
    ("/{*}/foo/{**}bar", True),
    ("/{*}/foo/{*}.txt", True),
    ("/{*}/foo/{temp", True),
    ("/{*}/foo/temp}/bar", True),
    ("/{*}/foo/temp}/*", True),
    ("/{**}/foo/temp/{*}/bar", True),
    ("/{**}/{**}", True),
    ("/{**}/foo/temp/{**}/bar", True),
    ("/{*}/foo/?abc", True),
)


@pytest.mark.parametrize(("path", "refused"), ISTIO)
def test_istio_would_refuse_a_template_that_the_settings_took(path: str, refused: bool) -> None:
    assert taken(Path, path) is not refused


@pytest.mark.parametrize("path", ["/", "/*", "/a/*", "/a/{*}", "/a~b/c;d=1,2/(x)", "/.well-known/jwks.json", "/a..b"])
def test_paths_that_arrive_as_they_are_written_are_taken(path: str) -> None:
    assert taken(Path, path)


@pytest.mark.parametrize(
    "image",
    [
        "api:1",
        "example/api:1",
        "localhost/api:1",
        "registry.example.com:5000/a/b__c/d-e.f:v1.2.0",
        f"ghcr.io/example/api@sha256:{'ab' * 32}",
        f"ghcr.io/example/api:v1@sha256:{'ab' * 32}",
    ],
)
def test_references_that_a_node_can_pull_are_taken(image: str) -> None:
    assert taken(Image, image)


@pytest.mark.parametrize("directory", ["/tmp", "/var/cache/app/", "/data_1", "/procedures", "/_"])
def test_directories_are_taken(directory: str) -> None:
    assert taken(Directory, directory)


def test_a_number_of_processors_means_what_it_says() -> None:
    adapter = TypeAdapter(Cpu)
    assert [adapter.validate_python(value) for value in (2, 0.5, "250m", "1.5")] == ["2", "0.5", "250m", "1.5"]
    assert not taken(Cpu, True)


def test_memory_is_compared_by_its_size_and_not_by_its_text() -> None:
    assert bytes_of("1Gi") > bytes_of("1000Mi") > bytes_of("1G") > bytes_of("900M")
    assert bytes_of("1.5Gi") == Decimal(1536 * 2**20)
    assert taken(Memory, "1.5Gi")
