"""The way in: the ALB that re-encrypts, the NLB that passes TLS through, or both; and their names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from configuration.kinds.aws import Bucket, CertificateArn, LogPrefix, WebAclArn
from configuration.network import RetentionDays
from configuration.problems import rejection
from configuration.section import section
from configuration.values import Cidr, Host, matching

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
# Only policies without TLS 1.0, 1.1 and CBC suites: an older one would undo the first of the three layers.
SSL_POLICIES: tuple[str, ...] = (
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
)


def _ssl_policy(value: str) -> str:
    if value not in SSL_POLICIES:
        raise rejection(
            "The listener's policy must be one of AWS's that begin at TLS 1.3, or at TLS 1.2 with forward secrecy.",
            f"Choose one of {', '.join(SSL_POLICIES)}.",
        )
    return value


@section
class Waf:
    """A web ACL before the ALB; what it does not see is in [waf.md](waf.md)."""

    web_acl_arn: WebAclArn | None = None
    """An existing web ACL of this region, with its owner's rules and logs; without it one with AWS's managed rules is
    made."""
    oversize_bodies: Literal["block", "pass"] = "block"
    """Before an ALB the WAF sees the first 8 KiB of a body. `block`: a larger one is answered 403, so no uploads.
    `pass`: what comes after them is looked at by nobody."""
    logs: bool = True
    """Each request that it judged, in the log group `aws-waf-logs-<cluster>`, without the values of `Authorization` and
    `Cookie`."""
    log_retention_days: RetentionDays = 90


@section
class AccessLogs:
    """The bucket must exist and admit the ELB log delivery service of the region."""

    bucket: Bucket
    prefix: LogPrefix = ""


@section
class LoadBalancer:
    domain: Host
    """The certificate covers it and every name one label below it."""
    certificate_arn: CertificateArn | None = None
    """An issued ACM certificate of this region; without it one is made and validated in `hosted_zone_id`."""
    hosted_zone_id: (
        Annotated[
            str, matching(r"Z[A-Z0-9]{1,31}", "It is not the id of a hosted zone.", 'Write it as "Z0123456789EXAMPLE".')
        ]
        | None
    ) = None
    """The Route 53 zone that holds `domain`: for the validation and for the applications' records."""
    entries: Annotated[tuple[Literal["alb", "nlb"], ...], Field(min_length=1)] = ("alb",)
    """`nlb` passes TLS through to the gateway, for applications with `tls: passthrough`."""
    scheme: Literal["internal", "internet-facing"] = "internal"
    allowed_cidrs: tuple[Cidr, ...] = ()
    """Who may connect; must be given, so that nobody opens it to everyone by leaving something out."""
    ssl_policy: Annotated[str, AfterValidator(_ssl_policy)] = SSL_POLICIES[0]
    waf: Waf | None = None
    access_logs: AccessLogs | None = None
    deletion_protection: bool = True
