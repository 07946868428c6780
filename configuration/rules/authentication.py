"""Rules on the user's token: where it can be checked, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.authentication import Authentication
from configuration.breaches import Breach, breach
from configuration.rules.each import each_application
from configuration.settings import Settings

# Set by the proxies themselves, or believed by them.
_PROXY_HEADERS = ("x-envoy-", "x-forwarded-", "x-istio-", "x-request-id", "x-b3-")


def authentication_can_be_checked(settings: Settings) -> Iterator[Breach]:
    for namespace, application, path in each_application(settings):
        if application.authentication is None:
            continue
        if not application.hosts:
            yield breach(
                f"{path}.authentication",
                application.name,
                "It has no public host: only its declared callers reach it, each with an identity of its own.",
                "Remove it, or name the hosts under which users reach the application.",
                f"{path}.hosts",
            )
        if application.opaque:
            yield breach(
                f"{path}.authentication",
                application.name,
                "The mesh cannot read this application's requests, so it sees no token in them.",
                "Let the gateway end its TLS and the application speak HTTP, or let it ask for the token itself.",
                f"{path}.protocol",
                f"{path}.tls",
            )
        if not namespace.in_mesh:
            yield breach(
                f"{path}.authentication",
                application.name,
                "Its own sidecar checks the token, and outside the mesh it has none: everybody would be let in.",
                "Bring the namespace into the mesh first, or take the application's hosts away.",
                f"namespaces[{namespace.name}].phase",
            )
        yield from _issuers(application.authentication, f"{path}.authentication")
        yield from _sources(application.authentication, f"{path}.authentication")
        yield from _headers(application.authentication, f"{path}.authentication")


def _issuers(authentication: Authentication, path: str) -> Iterator[Breach]:
    seen: set[str] = set()
    for index, issuer in enumerate(authentication.issuers):
        if issuer.issuer in seen:
            yield breach(
                f"{path}.issuers[{index}].issuer",
                issuer.issuer,
                "This issuer is named twice: a token would have to satisfy either entry, not both.",
                "Merge the two entries.",
            )
        seen.add(issuer.issuer)
    for index, exempt in enumerate(authentication.except_paths):
        if exempt in ("/*", "/{**}"):
            yield breach(
                f"{path}.exceptPaths[{index}]",
                exempt,
                "Every path is exempt: nobody would be asked for a token.",
                "Name the paths that need none, or remove the authentication.",
            )


def _sources(authentication: Authentication, path: str) -> Iterator[Breach]:
    seen: set[tuple[str, str]] = set()
    for index, source in enumerate(authentication.token_sources):
        where = f"{path}.tokenSources[{index}]"
        given = [name for name in (source.header, source.cookie, source.query) if name]
        if len(given) != 1:
            yield breach(
                where,
                given,
                "A token comes from exactly one of header, cookie and query.",
                "Set one of the three; write an entry for each further source.",
            )
            continue
        if source.prefix and not source.header:
            yield breach(f"{where}.prefix", source.prefix, "Only a header's value has a prefix.", "Remove it.")
        key = (source.kind, given[0].lower())
        if key in seen:
            yield breach(where, given[0], "This source is named twice.", "Remove one.")
        seen.add(key)


def _headers(authentication: Authentication, path: str) -> Iterator[Breach]:
    seen: set[str] = set()
    sources = {(source.header or "").lower() for source in authentication.token_sources}
    for index, given in enumerate(authentication.claim_headers):
        where = f"{path}.claimHeaders[{index}].header"
        if given.header in seen or given.header in sources:
            yield breach(where, given.header, "This header has another meaning already.", "Choose another header.")
        elif given.header.startswith(_PROXY_HEADERS):
            yield breach(where, given.header, "The proxies use this header themselves.", "Choose another header.")
        seen.add(given.header)


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (authentication_can_be_checked,)
