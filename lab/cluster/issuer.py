"""The OIDC issuer of the lab's internet: a key of its own, and the two documents by which others know it.

A stand-in: it has no login. Whoever can read the key, which is this machine's root, signs the tokens that a proof
needs, wrong ones among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey

HOST = "login.example.net"
PATH = "/lab"
ISSUER = f"https://{HOST}{PATH}"
KEY_ID = "lab-1"
_KEY_FILE = "issuer.key"
_BITS = 2048
_PRIVATE = 0o600


def publish(directory: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Makes the key, or takes the one that is there, and gives the documents by host and path."""
    file = directory / _KEY_FILE
    if not file.exists():
        file.touch(mode=_PRIVATE)
        file.write_bytes(RSAKey.generate_key(_BITS, private=True).as_pem(private=True))
    public = {**private_key(directory).as_dict(private=False), "kid": KEY_ID, "alg": "RS256", "use": "sig"}
    discovery = {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/keys",
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    }
    return {
        (HOST, f"{PATH}/.well-known/openid-configuration"): discovery,
        (HOST, f"{PATH}/keys"): {"keys": [public]},
    }


def private_key(directory: Path) -> RSAKey:
    """What it signs with."""
    return RSAKey.import_key((directory / _KEY_FILE).read_bytes())
