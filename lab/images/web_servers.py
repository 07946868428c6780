"""Rows of the lab's image table for the examples encryption-in-transit and tls-passthrough.

nginx is the real one, of Debian's version. It also plays in28min/hello-world-rest-api, a Java service that answers two
paths with a fixed text: nobody can pull its image here.
"""

from __future__ import annotations

from pathlib import Path

from lab.images import nginx
from lab.images.image import Image
from lab.progress import Progress

_FILES = Path(__file__).resolve().parent / "files"
_COMMAND = ("-g", "daemon off;")


def prepare(progress: Progress) -> None:
    """Fetches what the rows need and the toolchain has not. Raises LabError."""
    nginx.ensure(progress)


def rows() -> tuple[Image, ...]:
    """The images; before `prepare` has run once their containers do not start."""
    return (
        _played_by_nginx("*/library/nginx:*", _FILES / "nginx"),
        _played_by_nginx(
            "*/in28min/hello-world-rest-api:*",
            _FILES / "hello-world-rest-api",
            stand_in="nginx with the answers of hello-world-rest-api",
        ),
    )


def _played_by_nginx(pattern: str, configuration: Path, *, stand_in: str = "") -> Image:
    return Image(
        pattern=pattern,
        # As in the image, root opens the port.
        entrypoint=("/usr/local/sbin/nginx",),
        command=_COMMAND,
        # Not all of /etc/nginx: a pod may mount something of its own next to these.
        files={
            "/usr/local/sbin/nginx": str(nginx.program()),
            "/etc/nginx/nginx.conf": str(configuration / "nginx.conf"),
            "/etc/nginx/conf.d": str(configuration / "conf.d"),
        },
        user=0,
        stand_in=stand_in,
    )
