"""What verify knows of users' tokens: where one is asked for, a forged one, and how a refusal reads in the log."""

from __future__ import annotations

import base64
import json
import re
import secrets

from configuration.authentication import Authentication, TokenSource
from manifests.authentication import authentication_policy_name
from manifests.mesh_graph import Member
from meshops.verify.access_log import LogLine

_SIGNATURE_BYTES = 256
_NEVER = 4102444800  # 2100-01-01: a forged token must fail by its signature and by nothing else.
FORGED_REASON = "jwt_authn_access_denied"
"""What the sidecar gives as its reason for refusing a token (Envoy, the filter jwt_authn)."""


def asked_for(member: Member) -> str:
    """A harmless path of the application that needs a token."""
    authentication = member.application.authentication
    exempt = authentication.except_paths if authentication else ()
    candidates = (member.application.readiness_path, "/", "/meshops-verify/needs/a/token")
    return next((path for path in candidates if not any(_covers(pattern, path) for pattern in exempt)), candidates[-1])


def forged(authentication: Authentication) -> tuple[str, str]:
    """A header with a token of the first issuer, complete and current, that nobody signed."""
    issuer = authentication.issuers[0]
    claims: dict[str, object] = {
        "iss": issuer.issuer,
        "sub": "meshops-verify",
        "aud": list(issuer.audiences),
        "exp": _NEVER,
    }
    for claim in issuer.claims:
        inner = claims
        for name in claim.path[:-1]:
            found = inner.setdefault(name, {})
            inner = found if isinstance(found, dict) else {}
        inner[claim.path[-1]] = list(claim.values)
    parts = (_json({"alg": "RS256", "typ": "JWT"}), _json(claims), _text(secrets.token_bytes(_SIGNATURE_BYTES)))
    return _in(authentication.token_sources[0], ".".join(parts))


def refused_without_token(member: Member, line: LogLine | None) -> bool:
    """Whether this line of its sidecar refuses a request for want of a token."""
    policy = f"policy[{authentication_policy_name(member.name)}]"
    return member.application.authentication is not None and line is not None and policy in line.reason


def _in(source: TokenSource, token: str) -> tuple[str, str]:
    if source.cookie:
        return "Cookie", f"{source.cookie}={token}"
    # A query is not tried: it would stand in the load balancer's log.
    return source.header or "Authorization", f"{source.prefix}{token}"


def _covers(pattern: str, path: str) -> bool:
    text = re.escape(pattern).replace(r"\{\*\*\}", ".*").replace(r"\{\*\}", "[^/]+")
    return re.fullmatch(text[: -len(r"\*")] + ".*" if text.endswith(r"\*") else text, path) is not None


def _json(value: object) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
