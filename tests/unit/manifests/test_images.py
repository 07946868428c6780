"""One setting sends every image to a private registry."""

from __future__ import annotations

import pytest

from manifests.images import ImageParts, Images

PRIVATE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mesh"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("docker.io/istio/pilot:1.31.1", f"{PRIVATE}/istio/pilot:1.31.1"),
        ("istio/pilot:1.31.1", f"{PRIVATE}/istio/pilot:1.31.1"),
        ("busybox:1.36", f"{PRIVATE}/library/busybox:1.36"),
        ("busybox", f"{PRIVATE}/library/busybox"),
        ("ghcr.io/example/app@sha256:" + "0" * 64, f"{PRIVATE}/example/app@sha256:" + "0" * 64),
        ("quay.io/jetstack/cert-manager-controller:v1", f"{PRIVATE}/jetstack/cert-manager-controller:v1"),
        ("gcr.io/a/b:1", f"{PRIVATE}/a/b:1"),
        ("registry.k8s.io/pause:3.10", f"{PRIVATE}/pause:3.10"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v3", f"{PRIVATE}/eks/aws-load-balancer-controller:v3"),
        ("registry.internal.example.com/a:1", "registry.internal.example.com/a:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("registry:5000/a:1", "registry:5000/a:1"),
    ],
)
def test_a_private_registry_takes_the_place_of_every_public_one_and_of_no_other(image: str, expected: str) -> None:
    assert Images(PRIVATE).ref(image) == expected


def test_without_a_private_registry_every_image_is_the_one_that_was_named() -> None:
    assert Images().ref("docker.io/istio/pilot:1.31.1") == "docker.io/istio/pilot:1.31.1"
    assert Images(None).ref("busybox:1.36") == "busybox:1.36"


def test_a_hub_moves_with_the_images_below_it() -> None:
    assert Images(PRIVATE).hub("docker.io/istio") == f"{PRIVATE}/istio"
    assert Images().hub("docker.io/istio") == "docker.io/istio"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry:5000/a/b:1.2", ImageParts(repository="registry:5000/a/b", tag="1.2", digest=None)),
        ("registry:5000/a/b", ImageParts(repository="registry:5000/a/b", tag=None, digest=None)),
        ("example.com/b@sha256:00", ImageParts(repository="example.com/b", tag=None, digest="sha256:00")),
        ("quay.io/a/b:1@sha256:00", ImageParts(repository=f"{PRIVATE}/a/b", tag="1", digest="sha256:00")),
    ],
)
def test_an_image_splits_into_what_charts_ask_for(image: str, expected: ImageParts) -> None:
    assert Images(PRIVATE).split(image) == expected
