"""Images that a user brings: what of an archive is kept, under which names, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.images import imported, oci
from lab.images.layers import Store

_LAYER = b"not a real tar, and nobody unpacks it here"


def _config(architecture: str | None = None) -> bytes:
    return json.dumps({"architecture": architecture or oci.machine(), "os": "linux"}).encode()


def _archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _docker(path: Path, tags: list[str] | None, config: bytes | None = None) -> Path:
    listed = [{"Config": "config.json", "RepoTags": tags, "Layers": ["one/layer.tar"]}]
    files = {"manifest.json": json.dumps(listed).encode(), "config.json": config or _config(), "one/layer.tar": _LAYER}
    return _archive(path, files)


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _layout(path: Path, annotations: dict[str, str]) -> Path:
    config = _config()
    manifest = oci.manifest(
        _Sized(config).blob(), [(_Sized(_LAYER).blob(), "application/vnd.oci.image.layer.v1.tar")]
    )  # fmt: skip
    index = {"manifests": [{"digest": _digest(manifest), "annotations": annotations}]}
    blobs = {f"blobs/sha256/{sha256(each).hexdigest()}": each for each in (config, manifest, _LAYER)}
    return _archive(path, {"index.json": json.dumps(index).encode(), **blobs})


class _Sized:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def blob(self) -> oci.Blob:
        return oci.Blob(digest=_digest(self._content), size=len(self._content))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def _layers(store: Store, reference: str) -> list[bytes]:
    found = imported.find(store, reference)
    assert found is not None, f"{reference} cannot be pulled"
    return [store.path(layer["digest"]).read_bytes() for layer in json.loads(found[1])["layers"]]


def test_an_image_of_docker_save_is_found_by_its_tag_as_a_runtime_names_it(store: Store, tmp_path: Path) -> None:
    file = _docker(tmp_path / "image.tar", ["mine:1", "ghcr.io/me/mine:1"])

    assert imported.add(store, file) == ("docker.io/library/mine:1", "ghcr.io/me/mine:1")
    assert _layers(store, "docker.io/library/mine:1") == [_LAYER]
    assert imported.find(store, "docker.io/library/mine:2") is None


def test_an_oci_layout_is_found_by_its_annotated_name(store: Store, tmp_path: Path) -> None:
    file = _layout(tmp_path / "image.tar", {"org.opencontainers.image.ref.name": "ghcr.io/me/mine:v1"})

    assert imported.add(store, file) == ("ghcr.io/me/mine:v1",)
    assert _layers(store, "ghcr.io/me/mine:v1") == [_LAYER]


def test_an_image_without_a_name_takes_the_one_that_is_given(store: Store, tmp_path: Path) -> None:
    file = _layout(tmp_path / "image.tar", {})

    with pytest.raises(LabError, match=r"does not say what its image is called: give NAME="):
        imported.add(store, file)
    assert imported.add(store, file, "ghcr.io/me/mine") == ("ghcr.io/me/mine:latest",)


def test_an_image_for_another_machine_is_refused(store: Store, tmp_path: Path) -> None:
    file = _docker(tmp_path / "image.tar", ["mine:1"], _config("s390x"))

    with pytest.raises(LabError, match=r"the image is for s390x, and this machine is \w+: build it for that"):
        imported.add(store, file)


def test_what_is_no_archive_of_images_is_refused_with_what_writes_one(store: Store, tmp_path: Path) -> None:
    other = _archive(tmp_path / "other.tar", {"hello": b"world"})
    (tmp_path / "text").write_text("hello", encoding="utf-8")

    with pytest.raises(LabError, match=r"neither manifest.json nor index.json is in it: write it with docker save"):
        imported.add(store, other)
    with pytest.raises(LabError, match=r"text is no archive of images"):
        imported.add(store, tmp_path / "text")
