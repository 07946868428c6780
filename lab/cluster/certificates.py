"""The control plane's certificates: ECDSA P-256, made anew for each lab, valid for a month."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.files import write_closed

VALID = datetime.timedelta(days=30)
# Clocks of one machine do not differ, but a suspended one may wake up behind.
_BACKDATED = datetime.timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A CA of the lab; its key is kept in memory only, except where a process must sign with it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"zero-trust-mesh lab {name}")])
        builder = _builder(self._name, self._name, self._key.public_key())
        self._certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = authority(directory, name)
        write_closed(self.certificate, self._certificate.public_bytes(serialization.Encoding.PEM))

    def exported(self) -> tuple[bytes, bytes]:
        """Its certificate and its key, PEM: for a program that is to sign in its place."""
        return self._certificate.public_bytes(serialization.Encoding.PEM), _pem(self._key)

    def issue(
        self,
        name: str,
        common_name: str,
        *,
        groups: Sequence[str] = (),
        names: Sequence[str] = (),
        server: bool = False,
    ) -> KeyPair:
        """A certificate for a client (user `common_name`, Kubernetes groups `groups`) or a server.

        `names` are DNS names and IP addresses; a server's certificate serves as a client's too, for etcd's
        own gateway.
        """
        certificate, key = self.sign(common_name, groups=groups, names=names, server=server)
        files = pair(self._directory, name)
        write_closed(files.certificate, certificate)
        write_closed(files.key, key)
        return files

    def sign(
        self, common_name: str, *, groups: Sequence[str] = (), names: Sequence[str] = (), server: bool = False
    ) -> tuple[bytes, bytes]:
        """As `issue`, without files: the certificate and its key, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if server:
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
        builder = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def pair(directory: Path, name: str) -> KeyPair:
    """The files of the certificate that was issued under this name."""
    return KeyPair(certificate=directory / f"{name}.crt", key=directory / f"{name}.key")


def authority(directory: Path, name: str) -> Path:
    """The file of an authority's certificate."""
    return directory / f"{name}-ca.crt"


def kubeconfig(directory: Path, name: str) -> Path:
    """The file of the kubeconfig of one who has a certificate under this name."""
    return directory / f"{name}.kubeconfig"


def signing_key(directory: Path, name: str) -> KeyPair:
    """A key pair for service-account tokens; `certificate` is the public key here."""
    key = ec.generate_private_key(ec.SECP256R1())
    files = KeyPair(certificate=directory / f"{name}.pub", key=directory / f"{name}.key")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_closed(files.certificate, public)
    write_closed(files.key, _pem(key))
    return files


def write_kubeconfig(path: Path, *, server: str, authority: Path, client: KeyPair, context: str = "lab") -> None:
    """A kubeconfig that needs no other file, readable by its owner only."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": _encoded(authority)},
            }
        ],
        "users": [
            {
                "name": context,
                "user": {
                    "client-certificate-data": _encoded(client.certificate),
                    "client-key-data": _encoded(client.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    write_closed(path, yaml.safe_dump(document, sort_keys=False).encode())


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + VALID)
    )


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
