"""Ways of asking for a user's token that are refused, and names that are no external hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.configuration.bad_settings import API, API_PATH, UI, UI_PATH, Stack, put

_ASKS = f"{UI}.authentication"
_PATH = f"{UI_PATH}.authentication"
_ISSUER = f"{_PATH}.issuers[0]"


def authentication(**issuer: Any) -> dict[str, Any]:
    """A valid one; issuer: what is different of its only issuer."""
    return {
        "issuers": [
            {
                "issuer": "https://login.example.com/realm",
                "jwksUri": "https://login.example.com/realm/keys",
                "audiences": ["shop"],
                **issuer,
            }
        ]
    }


def _of(**issuer: Any) -> Callable[[Stack], None]:
    return put(_ASKS, authentication(**issuer))


def _with(**more: Any) -> Callable[[Stack], None]:
    return put(_ASKS, {**authentication(), **more})


def _both(*changes: Callable[[Stack], None]) -> Callable[[Stack], None]:
    def change(tree: Stack) -> None:
        for each in changes:
            each(tree)

    return change


def _twice(tree: Stack) -> None:
    _of()(tree)
    issuers = tree["namespaces"][0]["applications"][1]["authentication"]["issuers"]
    issuers.append({**issuers[0], "audiences": ["other"]})


# name: (change, path of the problem, what the rule says, what the remedy says)
BAD_AUTHENTICATION: dict[str, tuple[Callable[[Stack], None], str, str, str]] = {
    "an issuer in plaintext": (_of(issuer="http://login.example.com"), f"{_ISSUER}.issuer", "plaintext", "https://"),
    "an issuer that is an address": (_of(issuer="https://10.0.0.1/"), f"{_ISSUER}.issuer", "IP address", "DNS name"),
    "an issuer that spells one": (
        _of(issuer="https://10-0-0-1.nip.io/"),
        f"{_ISSUER}.issuer",
        "spells an address",
        "DNS name",
    ),
    "a wildcard issuer": (_of(issuer="https://*.example.com"), f"{_ISSUER}.issuer", "wildcard", "https://"),
    "an issuer that is no URL": (_of(issuer="login.example.com"), f"{_ISSUER}.issuer", "plaintext", "https://"),
    "an issuer with a query": (
        _of(issuer="https://login.example.com?a=b"),
        f"{_ISSUER}.issuer",
        "no query",
        "https://",
    ),
    "an issuer with a user": (_of(issuer="https://a@login.example.com"), f"{_ISSUER}.issuer", "no user", "https://"),
    "keys in plaintext": (_of(jwksUri="http://login.example.com/keys"), f"{_ISSUER}.jwksUri", "plaintext", "https://"),
    "keys at an address": (_of(jwksUri="https://169.254.169.254/keys"), f"{_ISSUER}.jwksUri", "IP address", "DNS"),
    "keys in the cluster": (
        _of(jwksUri="https://api.shop.svc.cluster.local/keys"),
        f"{_ISSUER}.jwksUri",
        "not external",
        "callers",
    ),
    "keys at this machine": (_of(jwksUri="https://localhost.example.com/"), f"{_ISSUER}.jwksUri", "own machine", "DNS"),
    "keys behind a fragment": (_of(jwksUri="https://login.example.com/#a"), f"{_ISSUER}.jwksUri", "fragment", "https"),
    "no audience": (_of(audiences=[]), f"{_ISSUER}.audiences", "must not be empty", "Add an item"),
    "a wildcard audience": (_of(audiences=["*"]), f"{_ISSUER}.audiences[0]", "no wildcard", "in full"),
    "a claim with any value": (
        _of(claims=[{"path": ["role"], "values": ["*"]}]),
        f"{_ISSUER}.claims[0].values[0]",
        "no wildcard",
        "in full",
    ),
    "a claim that is a path": (
        _of(claims=[{"path": ["a[b]"], "values": ["c"]}]),
        f"{_ISSUER}.claims[0].path[0]",
        "brackets",
        "one claim",
    ),
    "an issuer named twice": (_twice, f"{_PATH}.issuers[1].issuer", "named twice", "Merge"),
    "every path exempt": (_with(exceptPaths=["/*"]), f"{_PATH}.exceptPaths[0]", "Every path is exempt", "remove"),
    "no token source": (_with(tokenSources=[]), f"{_PATH}.tokenSources", "must not be empty", "Add an item"),
    "a source of two kinds": (
        _with(tokenSources=[{"header": "x-token", "cookie": "token"}]),
        f"{_PATH}.tokenSources[0]",
        "exactly one",
        "one of the three",
    ),
    "a source twice": (
        _with(tokenSources=[{"header": "X-Token"}, {"header": "x-token"}]),
        f"{_PATH}.tokenSources[1]",
        "named twice",
        "Remove one",
    ),
    "a cookie's prefix": (
        _with(tokenSources=[{"cookie": "token", "prefix": "Bearer "}]),
        f"{_PATH}.tokenSources[0].prefix",
        "Only a header",
        "Remove",
    ),
    "a proxy's header": (
        _with(claimHeaders=[{"header": "x-forwarded-for", "claim": "sub"}]),
        f"{_PATH}.claimHeaders[0].header",
        "proxies use",
        "another header",
    ),
    "a header for two claims": (
        _with(claimHeaders=[{"header": "x-user", "claim": "sub"}, {"header": "x-user", "claim": "email"}]),
        f"{_PATH}.claimHeaders[1].header",
        "another meaning",
        "another header",
    ),
    "a token for nobody's host": (
        put(f"{API}.authentication", authentication()),
        f"{API_PATH}.authentication",
        "no public host",
        "name the hosts",
    ),
    "a token in an opaque stream": (
        _both(put(f"{UI}.protocol", "tcp"), _of()),
        _PATH,
        "cannot read",
        "speak HTTP",
    ),
    "a token behind passthrough": (
        _both(put(f"{UI}.tls", "passthrough"), put("loadBalancer.entries", ["alb", "nlb"]), _of()),
        _PATH,
        "cannot read",
        "end its TLS",
    ),
    "a token outside the mesh": (
        _both(put("namespaces.0.phase", "outside"), _of()),
        _PATH,
        "outside the mesh",
        "into the mesh first",
    ),
}

_EGRESS = f"{API_PATH}.egress[0].host"
BAD_EGRESS: dict[str, tuple[Callable[[Stack], None], str, str, str]] = {
    f"egress to {host}": (put(f"{API}.egress.0.host", host), _EGRESS, rule, remedy)
    for host, rule, remedy in (
        ("ui.shop.svc", "not external", "callers"),
        ("10-1-2-3.shop.pod", "not external", "callers"),
        ("kubernetes.default", "search path", "callers"),
        ("ui.shop", "search path", "rename the namespace"),
        ("foo.localhost", "own machine", "DNS name"),
        ("localhost.example.com", "own machine", "DNS name"),
        ("a.localtest.me", "own machine", "DNS name"),
        ("169.254.169.254.nip.io", "spells an address", "DNS name"),
        ("app-10-0-0-1.example.com", "spells an address", "DNS name"),
        ("ec2-52-1-2-3.compute-1.amazonaws.com", "spells an address", "DNS name"),
        ("i-0123.ec2.internal", "machine of the network", "own name"),
        ("metadata.google.internal", "metadata", "own name"),
    )
}
BAD_EGRESS |= {
    "TLS begun to what speaks none": (
        put(f"{API}.egress.0", {"host": "api.stripe.com", "protocol": "TCP", "originate": True}),
        f"{API_PATH}.egress[0].originate",
        "TCP is something else",
        "Leave the protocol",
    ),
    "TLS begun for one application only": (
        put(f"{UI}.egress", [{"host": "api.stripe.com", "originate": True}]),
        f"{UI_PATH}.egress[0].originate",
        "declared otherwise",
        "both alike",
    ),
}
