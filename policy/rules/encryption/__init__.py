"""Nothing in plaintext, and certificates that hold."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.encryption.alb_listener import alb_listener
from policy.rules.encryption.gateway_certificate import gateway_certificate
from policy.rules.encryption.gateway_tls import gateway_tls
from policy.rules.encryption.mesh_tls_version import mesh_tls_version
from policy.rules.encryption.mesh_wide_mtls import mesh_wide_mtls
from policy.rules.encryption.nlb_passthrough import nlb_passthrough
from policy.rules.encryption.peer_authentication import peer_authentication
from policy.rules.encryption.plaintext_calls import plaintext_calls
from policy.rules.encryption.public_certificate import public_certificate
from policy.rules.encryption.telemetry_leaves_encrypted import telemetry_leaves_encrypted

RULES: tuple[Rule, ...] = (
    peer_authentication,
    mesh_wide_mtls,
    plaintext_calls,
    gateway_tls,
    alb_listener,
    nlb_passthrough,
    gateway_certificate,
    public_certificate,
    mesh_tls_version,
    telemetry_leaves_encrypted,
)
