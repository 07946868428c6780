"""What an intruder makes for itself: certificates of its own authority, and requests for certificates of others.

Every key here is made for one run and is nobody's: no one trusts what it signs, unless the attempt succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@cache
def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def self_made(principal: str, *, begins: timedelta = timedelta(hours=-1), lasts: timedelta = timedelta(days=1)) -> str:
    """PEM of a certificate with this SPIFFE id, its key, and the authority that we are ourselves."""
    authority = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, principal.partition("/")[0])])
    start = datetime.now(UTC) + begins
    ca = (
        x509.CertificateBuilder()
        .subject_name(authority)
        .issuer_name(authority)
        .public_key(_key("authority").public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(_key("authority"), hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority)
        .public_key(_key("leaf").public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
        .add_extension(x509.SubjectAlternativeName([_uri(principal)]), critical=True)
        .sign(_key("authority"), hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    key = _key("leaf").private_bytes(
        encoding, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return (leaf.public_bytes(encoding) + ca.public_bytes(encoding) + key).decode()


def request_for(principal: str, *, authority: bool = False) -> str:
    """PEM of a request for a certificate with this SPIFFE id; authority: for one that may sign others."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([_uri(principal)]), critical=True)
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(_key("leaf"), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def issued(text: str) -> tuple[x509.Certificate, ...]:
    """The certificates in what istiod answered, the leaf first."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    found = [f"{begin}{part.partition(end)[0]}{end}\n" for part in text.split(begin)[1:]]
    return tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in found)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its URIs."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def lifetimes(certificates: Iterable[x509.Certificate]) -> tuple[timedelta, ...]:
    return tuple(item.not_valid_after_utc - item.not_valid_before_utc for item in certificates)


def _uri(principal: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(f"spiffe://{principal}")
