"""Check MP201: the ALB's certificate exists, is issued, covers every host it terminates, and lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from configuration.settings import Settings
from manifests.gateway import terminated_hosts
from meshops.checks.model import Check, Table, Unavailable, Verdict
from meshops.preflight.aws import Certificate

CHECK = Check(
    id="MP201",
    section="Certificate",
    name="Certificate of the ALB",
    shows="ACM holds an issued certificate in this region that covers every host the ALB terminates, and lasts.",
    how="ACM's own description of the certificate that the settings name, or of those for the stack's domain.",
    severity="critical",
    remedy="Request or renew the certificate in ACM in the stack's region.",
)

# ACM renews what it issued 60 days before the end. At 30 the renewal has been failing for a month; an imported
# certificate, which nobody renews, leaves a month to act.
# https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
MINIMUM_DAYS = 30


def covers(name: str, host: str) -> bool:
    """Whether a certificate's `name` covers `host`: a wildcard stands for exactly one label (RFC 6125, 6.4.3)."""
    if not name.startswith("*."):
        return name.lower() == host.lower()
    label, _, parent = host.lower().partition(".")
    return bool(label) and parent == name[2:].lower()


def check(
    settings: Settings,
    certificates: tuple[Certificate, ...] | Unavailable,
    *,
    now: datetime,
    minimum_days: int = MINIMUM_DAYS,
) -> Verdict:
    """now: with a time zone."""
    if "alb" not in settings.load_balancer.entries:
        return Verdict(status="pass", finding="Not needed: no ALB terminates TLS in this stack.")
    if isinstance(certificates, Unavailable):
        return certificates.verdict()
    # In every phase: the gateway serves them, and a name that is to move here needs its certificate before.
    hosts = tuple(sorted(terminated_hosts(settings.namespaces)))
    if not certificates:
        return _absent(settings)
    best = max(certificates, key=lambda certificate: _rank(certificate, hosts))
    problems, remedies = _problems(best, hosts, now=now, minimum_days=minimum_days)
    others = len(certificates) - 1
    more = (f"{others} more for this domain in {settings.region} are not looked at: none is better.",) if others else ()
    table = _table(best, hosts, now=now)
    if problems:
        return Verdict(
            status="fail",
            finding=" ".join(problems),
            evidence=more,
            remedy=" ".join(remedies),
            table=table,
        )
    count = f"{len(hosts)} host{'s' if len(hosts) != 1 else ''}"
    return Verdict(
        status="pass",
        finding=f"Issued, covers {count}, {_days_left(best, now)} days left, {best.key_algorithm}.",
        evidence=more,
        table=table,
    )


def _absent(settings: Settings) -> Verdict:
    arn = settings.load_balancer.certificate_arn
    domain = settings.load_balancer.domain
    if arn is not None:
        return Verdict(
            status="fail",
            finding=f"{arn} does not exist in {settings.region}.",
            remedy="Correct loadBalancer.certificateArn: the ALB takes a certificate of its own region and account.",
        )
    # Before the first `up` that is as it should be, and after it the ALB has none.
    return Verdict(
        status="unknown",
        finding=f"No certificate in {settings.region} names {domain} or *.{domain} yet.",
        remedy="`pulumi up` requests one and validates it in loadBalancer.hostedZoneId; then see that it did.",
    )


def _rank(certificate: Certificate, hosts: Iterable[str]) -> tuple[bool, int, float, str]:
    covered = len([host for host in hosts if any(covers(name, host) for name in certificate.names)])
    end = certificate.not_after.timestamp() if certificate.not_after else 0.0
    return (certificate.status == "ISSUED", covered, end, certificate.arn)


def _problems(
    certificate: Certificate, hosts: Iterable[str], *, now: datetime, minimum_days: int
) -> tuple[list[str], list[str]]:
    """Everything that is wrong, and what to do about each."""
    problems: list[str] = []
    remedies: list[str] = []
    days = _days_left(certificate, now)
    if days is not None and days < 0:
        problems.append(f"It expired on {certificate.not_after:%Y-%m-%d}.")
        remedies.append(_renewal(certificate))
    elif certificate.status != "ISSUED":
        why = f" ({certificate.problem})" if certificate.problem else ""
        problems.append(f"Its status is {certificate.status}{why}.")
        remedies.append(
            "See that the validation records exist in the public zone of the domain and that the zone is delegated."
            if certificate.status == "PENDING_VALIDATION"
            else "Request a new certificate."
        )
    elif days is not None and days < minimum_days:
        problems.append(f"{days} days left, {minimum_days} wanted.")
        remedies.append(_renewal(certificate))
    uncovered = [host for host in hosts if not any(covers(name, host) for name in certificate.names)]
    if uncovered:
        problems.append(f"It does not cover {', '.join(uncovered)}.")
        remedies.append("A wildcard covers one label only: add the names to the certificate, or move the hosts.")
    return problems, remedies


def _renewal(certificate: Certificate) -> str:
    if certificate.imported:
        return "It was imported: ACM does not renew it. Import its successor under the same ARN."
    return "ACM renews it only while its validation records exist and it is in use: restore them."


def _days_left(certificate: Certificate, now: datetime) -> int | None:
    """Whole days; negative once it has ended."""
    return (certificate.not_after - now).days if certificate.not_after else None


def _table(certificate: Certificate, hosts: Iterable[str], *, now: datetime) -> Table:
    days = _days_left(certificate, now)
    ends = f"{certificate.not_after:%Y-%m-%d} ({days} days left)" if certificate.not_after else "-"
    rows = [
        ("certificate", certificate.arn),
        ("status", f"{certificate.status}{', imported' if certificate.imported else ''}"),
        ("key", certificate.key_algorithm),
        ("ends", ends),
    ]
    for host in hosts:
        by = next((name for name in certificate.names if covers(name, host)), None)
        rows.append((host, f"covered by {by}" if by else "NOT covered"))
    return Table(header=("", ""), rows=tuple(rows))
