"""What an ELB security policy means: the TLS versions, suites and key exchanges of a listener.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
Only the policies that begin at TLS 1.2 with forward secrecy, as the settings admit no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Version = Literal["TLSv1_0", "TLSv1_2", "TLSv1_3"]

# The suites of TLS 1.3 cannot be chosen in Envoy, and a policy has all three of them.
_FORWARD_SECRET = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_CURVES = ("X25519", "P-256", "P-384")
_POST_QUANTUM = ("X25519MLKEM768", *_CURVES)
_NIST = ("P-256", "P-384")


@dataclass(frozen=True, kw_only=True)
class SslPolicy:
    """minimum, maximum: TLS versions; suites: of TLS 1.2, empty without it; curves: for the key exchange."""

    minimum: Version
    maximum: Version
    suites: tuple[str, ...]
    curves: tuple[str, ...]


def _policy(*, minimum: Version, curves: tuple[str, ...] = _CURVES) -> SslPolicy:
    suites = () if minimum == "TLSv1_3" else _FORWARD_SECRET
    return SslPolicy(minimum=minimum, maximum="TLSv1_3", suites=suites, curves=curves)


SSL_POLICIES: dict[str, SslPolicy] = {
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09": _policy(minimum="TLSv1_3", curves=_POST_QUANTUM),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": _policy(minimum="TLSv1_3"),
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04": _policy(minimum="TLSv1_3", curves=_NIST),
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09": _policy(minimum="TLSv1_2", curves=_POST_QUANTUM),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": _policy(minimum="TLSv1_2"),
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04": _policy(minimum="TLSv1_2", curves=_NIST),
}

TO_TARGETS = SslPolicy(
    # ELBSecurityPolicy-TLS13-1-0-2021-06: what an ALB speaks to its targets as soon as a listener has a TLS 1.3 policy.
    # Of its suites those that Envoy and every target of this project know.
    minimum="TLSv1_0",
    maximum="TLSv1_3",
    suites=_FORWARD_SECRET,
    curves=_CURVES,
)
