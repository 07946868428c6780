"""References to images, and the registries that they name."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from configuration.problems import rejection

PUBLIC_HOSTS: frozenset[str] = frozenset(
    {
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "ghcr.io",
        "quay.io",
        "gcr.io",
        "registry.k8s.io",
        "registry.istio.io",
        "public.ecr.aws",
        "mcr.microsoft.com",
    }
)

# https://github.com/distribution/reference, the grammar in reference.go: [domain/]path[:tag][@digest].
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_NAME = rf"(?:{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>.+))?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_NAME = 255


def _image(value: str) -> str:
    found = _REFERENCE.fullmatch(value)
    if found is None or len(found["name"]) > _LONGEST_NAME:
        raise rejection(
            "It is not a reference to an image: [registry/]path[:tag][@digest], the path in lower case; no node could "
            "pull it.",
            'Write it as "ghcr.io/example/billing-api:v1.2.0".',
        )
    if found["digest"] and not _DIGEST.fullmatch(found["digest"]):
        raise rejection("A digest is sha256: and 64 hexadecimal digits.", "Copy it whole, or name a tag.")
    if not found["digest"] and (not found["tag"] or found["tag"] == "latest"):
        raise rejection(
            "An image without a fixed tag changes under a running stack and cannot be rolled back.",
            "Add a version tag or a digest.",
        )
    return value


Image = Annotated[str, AfterValidator(_image)]


def split_host(image: str) -> tuple[str, str]:
    """`quay.io/a/b:1` -> (`quay.io`, `a/b:1`); `b:1` -> (`docker.io`, `library/b:1`).

    The first component is a host if it could not be a path of the default registry (distribution/reference,
    `splitDockerDomain`).
    """
    first, slash, rest = image.partition("/")
    if not slash:
        return "docker.io", f"library/{image}"
    if "." in first or ":" in first or first == "localhost":
        return first, rest
    return "docker.io", image
