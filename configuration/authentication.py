"""Who the user is: the JWTs of an OIDC issuer that a public application asks for."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from configuration.kinds.paths import Path
from configuration.leaving.external_hosts import ExternalHost
from configuration.problems import rejection
from configuration.section import section
from configuration.values import matching

_HOST: TypeAdapter[str] = TypeAdapter(ExternalHost)
# RFC 7230, a field name; Envoy refuses a configuration with any other.
_HEADER = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PARAMETER = r"[A-Za-z0-9_.-]+"
_HTTPS = 'Write it as "https://login.example.com/realm".'


def _https(value: str) -> SplitResult:
    """The parts of an https URL whose host is a name. Raises a rejection."""
    if re.search(r"[\s*]", value):
        raise rejection("A wildcard or a blank is no part of this URL: Istio compares all of it, and calls it.", _HTTPS)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise rejection("It is not a URL.", _HTTPS) from None
    if parts.scheme != "https":
        raise rejection(
            "Keys that come in plaintext are anybody's keys: whoever stands between signs tokens of his own.", _HTTPS
        )
    if parts.username is not None or parts.fragment or value.endswith("#") or port == 0:
        raise rejection("The URL must hold no user and no fragment.", _HTTPS)
    try:
        _HOST.validate_python(parts.hostname or "")
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        raise rejection(str(context["rule"]), str(context["remedy"])) from None
    return parts


def _issuer(value: str) -> str:
    # OpenID Connect Discovery 1.0, section 3: https, host, optionally port and path, no query, no fragment.
    if _https(value).query or "?" in value:
        raise rejection("An issuer has no query (OpenID Connect Discovery 1.0, section 3).", _HTTPS)
    return value


def _jwks_uri(value: str) -> str:
    _https(value)
    return value


def _exact(value: str) -> str:
    # AuthorizationPolicy takes a '*' at either end for a wildcard.
    if not value or value != value.strip() or "*" in value:
        raise rejection(
            "It is compared letter by letter and must hold no wildcard and no blank around it.", "Write it in full."
        )
    return value


def _claim_name(value: str) -> str:
    # Istio spells a claim as request.auth.claims[a][b].
    if not value or re.search(r"[\[\]\s]", value):
        raise rejection("The name of a claim is not empty and holds neither brackets nor blanks.", "Name one claim.")
    return value


Issuer = Annotated[str, AfterValidator(_issuer)]
JwksUri = Annotated[str, AfterValidator(_jwks_uri)]
Exact = Annotated[str, AfterValidator(_exact)]
ClaimName = Annotated[str, AfterValidator(_claim_name)]


@section
class RequiredClaim:
    """A claim that a token must carry, beside issuer and audience: text, or a list of texts of which one suffices."""

    path: Annotated[tuple[ClaimName, ...], Field(min_length=1)]
    """One name, or several for a claim inside a claim: `[realm_access, roles]`."""
    values: Annotated[tuple[Exact, ...], Field(min_length=1)]
    """Any one of them; true, false and numbers are compared with none."""


@section
class TokenIssuer:
    """An OpenID provider whose tokens are taken."""

    issuer: Issuer
    """What stands in the token's `iss`, letter by letter."""
    jwks_uri: JwksUri
    """Where its public keys are. istiod fetches them, from this name and from no other."""
    audiences: Annotated[tuple[Exact, ...], Field(min_length=1)]
    """One of them must stand in `aud`: without it any token of the issuer would do, whomever it was made for."""
    claims: tuple[RequiredClaim, ...] = ()
    """All of them."""


@section
class TokenSource:
    """Where a request carries its token: exactly one of the three."""

    header: (
        Annotated[str, matching(_HEADER, "It is not the name of a header (RFC 7230).", 'Write it as "x-token".')] | None
    ) = None
    prefix: str = ""
    """What stands before the token in the header, e.g. `Bearer ` with its blank."""
    cookie: Annotated[str, matching(_PARAMETER, "A cookie's name has letters, digits and _.-", "Rename it.")] | None = (
        None
    )
    query: (
        Annotated[str, matching(_PARAMETER, "A parameter's name has letters, digits and _.-", "Rename it.")] | None
    ) = None
    """A query parameter: it is kept in every log on the way."""

    @property
    def kind(self) -> Literal["header", "cookie", "query"]:
        return "header" if self.header else "cookie" if self.cookie else "query"


BEARER = TokenSource(header="Authorization", prefix="Bearer ")


@section
class ClaimHeader:
    """A claim that the application is told of a verified token, in a header that nobody else can set."""

    header: Annotated[
        str, matching(r"x-[a-z0-9-]+", "It begins with x- and has a-z, 0-9 and '-'.", 'Write it as "x-user".')
    ]
    claim: ClaimName


@section
class Authentication:
    """The user's token: checked by the application's own sidecar, for every request but its declared callers'."""

    issuers: Annotated[tuple[TokenIssuer, ...], Field(min_length=1)]
    except_paths: tuple[Path, ...] = ()
    """Paths that need no token."""
    token_sources: Annotated[tuple[TokenSource, ...], Field(min_length=1)] = (BEARER,)
    """The header Authorization with a Bearer token unless said otherwise, and then only what is said."""
    forward_original_token: bool = False
    """Whether the application sees the token: with it, it can act as the user wherever the token is taken."""
    claim_headers: tuple[ClaimHeader, ...] = ()
    """How the application learns who the user is, without the token."""
