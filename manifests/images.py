"""Where images come from: one private registry in place of every public one, when a stack names it (trap 6)."""

from __future__ import annotations

from dataclasses import dataclass

from configuration.kinds.images import PUBLIC_HOSTS, split_host


@dataclass(frozen=True, kw_only=True)
class ImageParts:
    """The halves in which most charts want an image; exactly one of tag and digest is set, or neither."""

    repository: str
    """Host and path, e.g. `docker.io/istio/pilot`."""
    tag: str | None
    digest: str | None
    """With its algorithm, `sha256:…`."""


@dataclass(frozen=True)
class Images:
    registry: str | None = None
    """Host and optional path prefix, without scheme: `111122223333.dkr.ecr.eu-west-1.amazonaws.com/mesh`."""

    def ref(self, image: str) -> str:
        """The reference under which a node pulls `image`.

        With a registry set, an image of a public host (`docker.io` is implied where none is named) becomes
        `<registry>/<path>`, tag and digest unchanged; one of a private host stays as it is.
        """
        host, path = split_host(image)
        if self.registry is None or host not in PUBLIC_HOSTS:
            return image
        return f"{self.registry}/{path}"

    def hub(self, location: str) -> str:
        """The same for a chart's value that names a location to which the chart appends image and tag."""
        return self.ref(location)

    def split(self, image: str) -> ImageParts:
        """`ref(image)`, in the halves that charts want."""
        reference = self.ref(image)
        name, _, digest = reference.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return ImageParts(repository=f"{head}{slash}{last}", tag=tag or None, digest=digest or None)
