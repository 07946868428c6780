"""Images that a user brought (`make lab-image FILE=image.tar`): kept in the lab's cache, found by their reference.

Taken are the archives that `docker save` writes (its manifest.json) and OCI image layouts in a tar (index.json), as
buildah, podman and skopeo write them: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
import platform
import tarfile
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.images import oci
from lab.images.layers import MEDIA_TYPE, Blob, Store

_DOCKER, _OCI = "manifest.json", "index.json"
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def find(store: Store, reference: str) -> tuple[str, bytes] | None:
    """Media type and content of the manifest of an image that was brought under this name."""
    digest = store.noted(reference)
    if digest is None or not store.path(digest).exists():
        return None
    content = store.path(digest).read_bytes()
    return json.loads(content).get("mediaType", oci.MANIFEST_TYPE), content


def add(store: Store, file: Path, name: str | None = None) -> tuple[str, ...]:
    """Puts the images of an archive into the store; gives the references by which pods may name them.

    name: of an archive's one image that has none, or another than it has. Raises LabError.
    """
    try:
        with tarfile.open(file) as archive:
            members = {_clean(member.name): member for member in archive if member.isfile()}
            if _DOCKER in members:
                found = _docker(archive, members, store)
            elif _OCI in members:
                found = _layout(archive, members, store)
            else:
                raise LabError(
                    f"{file}: neither {_DOCKER} nor {_OCI} is in it: write it with docker save or skopeo copy"
                )
    except (OSError, tarfile.TarError, KeyError, ValueError) as problem:
        raise LabError(f"{file} is no archive of images: {problem}") from problem
    return _noted(store, file, found, name)


def full(reference: str) -> str:
    """A reference with its registry and tag, as a container runtime understands it."""
    first, slash, _ = reference.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        reference = f"docker.io/{reference if slash else f'library/{reference}'}"
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def _noted(store: Store, file: Path, found: list[tuple[str, str]], name: str | None) -> tuple[str, ...]:
    digests = {digest for _, digest in found}
    if name is not None:
        if len(digests) != 1:
            raise LabError(f"{file} has {len(digests)} images: one name is not enough for them")
        found = [(name, digest) for digest in digests]
    named = [(full(given), digest) for given, digest in found if given]
    if not named:
        raise LabError(f"{file} does not say what its image is called: give NAME=registry/repository:tag")
    for reference, digest in named:
        store.note(reference, digest)
    return tuple(reference for reference, _ in named)


def _docker(archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], store: Store) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for image in _document(archive, members[_DOCKER]):
        config = _stored(archive, members[_clean(image["Config"])], store)
        _check_machine(json.loads(store.path(config.digest).read_bytes()))
        layers = [_stored(archive, members[_clean(layer)], store) for layer in image["Layers"]]
        manifest = store.add(oci.manifest(config, [(each, _layer_type(store, each)) for each in layers]))
        found += [(tag, manifest.digest) for tag in image.get("RepoTags") or [""]]
    return found


def _layout(archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], store: Store) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in _document(archive, members[_OCI])["manifests"]:
        name = next(
            (entry.get("annotations", {}).get(key, "") for key in _NAMES if key in entry.get("annotations", {})), ""
        )
        # A tag alone is not a name.
        found.append((name if "/" in name or ":" in name else "", _copied(archive, members, store, entry["digest"])))
    return found


def _copied(archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], store: Store, digest: str) -> str:
    """Copies a manifest and all that it names; of an index this machine's manifest. Gives the manifest's digest."""
    content = _content(archive, members[_blob(digest)])
    document = json.loads(content)
    if "manifests" in document:
        mine = [each for each in document["manifests"] if each.get("platform", {}).get("architecture") == oci.machine()]
        if not mine:
            raise LabError(f"the archive has no image for {platform.machine()}")
        return _copied(archive, members, store, mine[0]["digest"])
    for part in (document["config"], *document["layers"]):
        if _stored(archive, members[_blob(part["digest"])], store).digest != part["digest"]:
            raise LabError(f"the archive's {part['digest']} is not what it says")
    _check_machine(json.loads(store.path(document["config"]["digest"]).read_bytes()))
    return store.add(content).digest


def _check_machine(config: dict[str, Any]) -> None:
    if (own := config.get("architecture")) != oci.machine():
        raise LabError(f"the image is for {own}, and this machine is {oci.machine()}: build it for that")


def _layer_type(store: Store, layer: Blob) -> str:
    with store.path(layer.digest).open("rb") as content:
        begins = content.read(4)
    if begins.startswith(_GZIP):
        return f"{MEDIA_TYPE}+gzip"
    return f"{MEDIA_TYPE}+zstd" if begins == _ZSTD else MEDIA_TYPE


def _stored(archive: tarfile.TarFile, member: tarfile.TarInfo, store: Store) -> Blob:
    content = archive.extractfile(member)
    if content is None:
        raise ValueError(f"{member.name} is not a file")
    return store.take(content)


def _document(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    return json.loads(_content(archive, member))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content is not None else b""


def _blob(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _clean(name: str) -> str:
    return name.removeprefix("./")
