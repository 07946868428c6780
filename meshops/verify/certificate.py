"""The X.509 certificate, as far as the checks ask about one, read from PEM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """key: e.g. `ECDSA secp256r1` or `RSA 2048`. uris: of its alternative names. fingerprint: SHA-256, in hex."""

    key: str
    fingerprint: str
    self_signed: bool
    issuer: str
    not_before: datetime
    not_after: datetime
    uris: tuple[str, ...]

    @property
    def lifetime(self) -> timedelta:
        return self.not_after - self.not_before

    def days_left(self, now: datetime) -> int:
        """Whole days; negative once it has ended."""
        return (self.not_after - now).days


def read(pem: str) -> Certificate:
    """The first certificate in the text. Raises ValueError if there is none."""
    found = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = tuple(names.get_values_for_type(x509.UniformResourceIdentifier))
    except x509.ExtensionNotFound:
        uris = ()
    return Certificate(
        key=_key(found),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        self_signed=found.issuer == found.subject,
        issuer=found.issuer.rfc4514_string(),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        uris=uris,
    )


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return type(key).__name__
