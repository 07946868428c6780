"""Paths of requests, as Istio and Envoy compare them, and paths in a container."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from configuration.problems import rejection

_TEMPLATES = ("{*}", "{**}")
# RFC 3986, pchar without percent-encoding; Envoy's normalisation rewrites everything else.
LITERAL = re.compile(r"[A-Za-z0-9\-._~!$&'()+,;:@=]*", re.ASCII)


def _path(value: str) -> str:
    # https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation: exact, prefix
    # ("/a/*"), suffix ("*/a"), presence ("*"), and the templates {*} and {**}. Envoy compares the normalised path
    # without query or fragment.
    if not value.startswith("/"):
        raise rejection(
            "A path begins with '/'; a suffix match such as \"*/data\" would open paths that nobody named.",
            f'Write "/{value.lstrip("*/")}".',
        )
    templates = [segment for segment in value.split("/") if segment in _TEMPLATES]
    rest = value.replace("{*}", "").replace("{**}", "")
    if "*" in (rest if templates else rest[:-1]) or "{" in rest or "}" in rest or _adjoined(value):
        raise rejection(
            "Istio takes a '*' only at the end of a path (a prefix), or {*} and {**} as whole segments, not both; "
            "elsewhere it is an ordinary character and matches nothing.",
            'Write "/api/*" for everything below /api/, or "/api/{*}/data" for one segment in between.',
        )
    # pkg/config/security/security.go, CheckValidPathTemplate
    if "{**}" in templates[:-1]:
        raise rejection(
            "{**} must be the last template of a path: Istio refuses one that goes on with another.",
            "Use {*} for each single segment before it.",
        )
    if re.search(r"[?#\s]", value):
        raise rejection(
            "Envoy compares the path without its query and fragment; one that contains '?', '#' or a blank matches "
            "nothing.",
            "Leave that part out.",
        )
    segments = value.removesuffix("*").split("/")
    if "//" in value or not {".", ".."}.isdisjoint(segments):
        raise rejection(
            "The mesh normalises paths before it compares them; this form never arrives and matches nothing.",
            "Write the path in its normal form.",
        )
    if "%" in value or not all(segment in _TEMPLATES or LITERAL.fullmatch(segment) for segment in segments):
        raise rejection(
            "Encoded and other characters arrive in whichever form the proxies made of them; a path with one of them "
            "matches nothing, or not always.",
            "Use letters, digits and -._~!$&'()+,;:@= in each segment, or a template in its place.",
        )
    return value


def _adjoined(value: str) -> bool:
    """Whether a template is a part of a segment only."""
    return any("{" in segment and segment not in _TEMPLATES for segment in value.split("/"))


def _exact_path(value: str) -> str:
    if "*" in value or "{" in value:
        raise rejection("This path is taken literally: it must not hold a wildcard.", "Write one path in full.")
    return _path(value)


# The kernel's own, and what is mounted into every container anyway.
_TAKEN = ("proc", "sys", "dev", "etc")
_TAKEN_PATHS = ("/var/run/secrets", "/run/secrets", "/var/run/docker.sock")


def _directory(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/?", value, re.ASCII) or not {".", ".."}.isdisjoint(value.split("/")):
        raise rejection(
            "It must be the absolute path of a directory, each part of letters, digits and ._- (and neither . nor ..).",
            'Write it as "/var/cache/app".',
        )
    path = value.rstrip("/")
    if path.split("/")[1] in _TAKEN or path.startswith(_TAKEN_PATHS):
        raise rejection(
            "An empty directory over this path hides what the container needs there; most containers would not start.",
            "Name the one directory that the process writes to.",
        )
    return value


Path = Annotated[str, AfterValidator(_path)]
ExactPath = Annotated[str, AfterValidator(_exact_path)]
Directory = Annotated[str, AfterValidator(_directory)]
