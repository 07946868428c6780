"""Who the user is, by real tokens: each wrong one is refused by the application's own sidecar, which says why.

The issuer is the lab's stand-in (lab/cluster/issuer.py): its keys are published over HTTPS and fetched by istiod; the
tokens are signed here with its private key, by a JOSE library of somebody else's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from lab.cluster.issuer import ISSUER, KEY_ID, private_key
from lab.load_balancer import report as balancers
from manifests.ingress import INGRESS_NAME
from manifests.names import ISTIO_INGRESS
from meshops.verify.gather.edge import NamedConnection
from tests.lab.cluster.scratch_pods import eventually
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)

_HOST = "account.lab.example.com"
_APPLICATION = "account-ui"
_NAMESPACE = "secure-apps"
_NO_TOKEN = "policy[account-ui.authentication]-rule[0]"
_NO_ROLE = "policy[account-ui.authentication]-rule[1]"
_STRANGER = RSAKey.generate_key(2048, private=True)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: str
    line: dict[str, Any]


def _claims(**changes: Any) -> dict[str, Any]:
    """Of a user who may come in. A change to None takes the claim away."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": "account",
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": ["customer"]},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _signed(key: RSAKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": KEY_ID, **(header or {})}, _claims(**changes), key)


def _by_hand(algorithm: str, secret: bytes = b"") -> str:
    """What a library refuses to make: no signature, or the public key taken for a shared secret."""
    parts = [json.dumps({"alg": algorithm, "kid": KEY_ID}), json.dumps(_claims(sub="admin"))]
    text = ".".join(_base64(part.encode()) for part in parts)
    return f"{text}.{_base64(hmac.new(secret, text.encode(), hashlib.sha256).digest()) if secret else ''}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _tampered(key: RSAKey) -> str:
    head, _, signature = _signed(key).split(".")
    return f"{head}.{_base64(json.dumps(_claims(sub='admin')).encode())}.{signature}"


def _bearer(token: str) -> Headers:
    return (("Authorization", f"Bearer {token}"),)


@pytest.fixture(scope="module")
def key(whole_lab: WholeLab) -> RSAKey:
    return private_key(whole_lab.state / "certificates")


@pytest.fixture(scope="module")
def ask(whole_lab: WholeLab) -> Callable[..., Answer]:
    """A GET through the load balancer, and the line of the application's own sidecar about it."""
    ingress = whole_lab.get("ingress", INGRESS_NAME, f"--namespace={ISTIO_INGRESS}")
    address = balancers.addresses(whole_lab.state)[ingress["status"]["loadBalancer"]["ingress"][0]["hostname"]]

    def line_of(agent: str) -> dict[str, Any] | None:
        logs = whole_lab.tool(
            "kubectl", "logs", f"--namespace={_NAMESPACE}", f"--selector=app={_APPLICATION}", "--container=istio-proxy",
            "--tail=200",
        )  # fmt: skip
        lines = [json.loads(raw[raw.index("{") :]) for raw in logs.stdout.splitlines() if f'"{agent}"' in raw]
        return lines[0] if lines else None

    def get(headers: Headers = (), path: str = "/") -> Answer:
        agent = f"users-{secrets.token_hex(6)}"
        connection = NamedConnection(address, _HOST)
        try:
            connection.putrequest("GET", path, skip_host=True)
            for name, value in (("Host", _HOST), ("User-Agent", agent), *headers):
                connection.putheader(name, value)
            connection.endheaders()
            response: HTTPResponse = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        eventually(lambda: line_of(agent) is not None)
        return Answer(status=response.status, body=body, line=line_of(agent) or {})

    return get


def test_a_user_with_a_token_comes_in_and_the_audit_line_names_him(ask: Callable[..., Answer], key: RSAKey) -> None:
    for headers in (_bearer(_signed(key)), _bearer(_signed(key, aud=["other", "account"]))):
        answer = ask(headers)
        assert (answer.status, answer.line["response_code_details"]) == (200, "via_upstream")
        assert (answer.line["token_issuer"], answer.line["token_subject"]) == (ISSUER, "user-1")


_NOW = int(time.time())
# name: (headers, path, status, the sidecar's reason, the subject in its line)
REFUSED: dict[str, tuple[Callable[[RSAKey], Headers], str, int, str, str | None]] = {
    "no token": (lambda _: (), "/", 403, _NO_TOKEN, None),
    "an exempt-looking path": (lambda _: (), "/healthz", 403, _NO_TOKEN, None),
    "another issuer": (
        lambda key: _bearer(_signed(key, iss="https://evil.example.net")),
        "/",
        401,
        "Jwt_issuer_is_not_configured",
        None,
    ),
    "the issuer with a slash": (
        lambda key: _bearer(_signed(key, iss=f"{ISSUER}/")),
        "/",
        401,
        "Jwt_issuer_is_not_configured",
        None,
    ),
    "another audience": (lambda key: _bearer(_signed(key, aud="other")), "/", 403, "Audiences_in_Jwt", None),
    "no audience": (lambda key: _bearer(_signed(key, aud=None)), "/", 403, "Audiences_in_Jwt", None),
    "expired": (lambda key: _bearer(_signed(key, exp=_NOW - 3600)), "/", 401, "Jwt_is_expired", None),
    "not yet valid": (lambda key: _bearer(_signed(key, nbf=_NOW + 86400)), "/", 401, "Jwt_not_yet_valid", None),
    "another key": (lambda _: _bearer(_signed(_STRANGER)), "/", 401, "Jwt_verification_fails", None),
    "another key, brought along": (
        lambda _: _bearer(_signed(_STRANGER, {"jwk": _STRANGER.as_dict(private=False)})),
        "/",
        401,
        "Jwt_verification_fails",
        None,
    ),
    "changed after it was signed": (lambda key: _bearer(_tampered(key)), "/", 401, "Jwt_verification_fails", None),
    "alg none": (lambda _: _bearer(_by_hand("none")), "/", 401, "jwt_authn_access_denied", None),
    "HS256 with the public key": (
        lambda key: _bearer(_by_hand("HS256", key.as_pem(private=False))),
        "/",
        401,
        "jwt_authn_access_denied",
        None,
    ),
    "no subject": (lambda key: _bearer(_signed(key, sub=None)), "/", 403, _NO_TOKEN, None),
    "a role that is not enough": (
        lambda key: _bearer(_signed(key, realm_access={"roles": ["guest"]})),
        "/",
        403,
        _NO_ROLE,
        "user-1",
    ),
    "a role that only begins so": (
        lambda key: _bearer(_signed(key, realm_access={"roles": ["customers"]})),
        "/",
        403,
        _NO_ROLE,
        "user-1",
    ),
    "no roles": (lambda key: _bearer(_signed(key, realm_access=None)), "/", 403, _NO_ROLE, "user-1"),
    "twice, the right one first": (
        lambda key: _bearer(_signed(key)) + _bearer(_by_hand("none")),
        "/",
        401,
        "jwt_authn_access_denied",
        None,
    ),
    "twice, the right one last": (
        lambda key: _bearer(_by_hand("none")) + _bearer(_signed(key)),
        "/",
        401,
        "jwt_authn_access_denied",
        None,
    ),
    "in a cookie": (lambda key: (("Cookie", f"access_token={_signed(key)}"),), "/", 403, _NO_TOKEN, None),
    "without its scheme": (lambda key: (("Authorization", _signed(key)),), "/", 403, _NO_TOKEN, None),
    "garbage": (lambda _: _bearer("a.b"), "/", 401, "jwt_authn_access_denied", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_token_is_refused_and_the_audit_line_says_why(
    name: str, ask: Callable[..., Answer], key: RSAKey
) -> None:
    headers, path, status, reason, subject = REFUSED[name]
    answer = ask(headers(key), path)
    assert (answer.status, answer.line["response_code"]) == (status, status)
    assert reason in answer.line["response_code_details"]
    assert answer.line["token_subject"] == subject


def test_a_token_in_the_query_is_none(ask: Callable[..., Answer], key: RSAKey) -> None:
    answer = ask((), f"/?access_token={_signed(key)}")
    assert answer.status == 403
    assert _NO_TOKEN in answer.line["response_code_details"]


def test_istiod_does_not_fetch_keys_from_a_private_address(whole_lab: WholeLab) -> None:
    """Whoever could write such a rule made istiod call what only istiod reaches."""
    mark = f"fetch-{secrets.token_hex(6)}"
    rule = {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": mark, "namespace": _NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": "inventory-job"}},
            "jwtRules": [
                {"issuer": "https://evil.example.net", "jwksUri": f"http://{whole_lab.plane.network.internet}/{mark}"}
            ],
        },
    }
    created = whole_lab.tool("kubectl", "create", "--filename=-", stdin=json.dumps(rule))
    assert created.returncode == 0, created.stderr
    try:
        eventually(lambda: "is in blocked CIDR range" in _about(whole_lab, mark))
    finally:
        whole_lab.tool("kubectl", "delete", "requestauthentication", mark, f"--namespace={_NAMESPACE}")


def _about(lab: WholeLab, mark: str) -> str:
    """istiod's lines that hold this word."""
    selector = ("--namespace=istio-system", "--selector=app=istiod", "--tail=2000")
    logs = lab.tool("kubectl", "logs", *selector).stdout
    return "\n".join(line for line in logs.splitlines() if mark in line)
