"""What an application's ways out give up."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.kinds.weakening import Weakening
from configuration.leaving.aws_identity import AwsStatement
from configuration.leaving.egress import Egress

# Whoever may do these gives himself what the policy does not.
_OF_PERMISSIONS = ("iam", "sts", "organizations", "eks")


def leaving(
    egress: tuple[Egress, ...], aws_policy: tuple[AwsStatement, ...], *, path: str, existing_network: bool
) -> Iterator[Weakening]:
    """What leaves the mesh of one application. path: of the application."""
    for declared in egress:
        yield from _egress(declared, f"{path}.egress", existing_network=existing_network)
    if aws_policy:
        yield from _aws_identity(aws_policy, f"{path}.awsPolicy")


def _egress(egress: Egress, path: str, *, existing_network: bool) -> Iterator[Weakening]:
    value = f"{egress.destination}:{egress.port}"
    unknown = " Whether pods stand there, the settings do not know." if existing_network else ""
    if egress.cidr:
        yield Weakening(
            path=path,
            value=value,
            effect="Opaque TCP: whatever answers on this port in this private network can be called, and nothing of it "
            f"is seen.{unknown}",
        )
        return
    if egress.networks:
        networks = ", ".join(map(str, egress.networks))
        yield Weakening(
            path=path,
            value=value,
            effect=f"Below the sidecar the port is open to all of {networks}: which host it is, the sidecar alone "
            f"decides.{unknown}",
        )
    if egress.protocol == "HTTP":
        yield Weakening(path=path, value=value, effect="It leaves in plaintext.")
    elif egress.protocol == "TCP":
        yield Weakening(
            path=path,
            value=value,
            effect="Opaque TCP: any connection to this port goes to this host, and nothing of it is seen.",
        )
    elif not egress.originate:
        yield Weakening(
            path=path,
            value=value,
            effect="The sidecar sees the name in the TLS handshake only: whatever else answers at the same address can "
            "be asked for behind it.",
        )


def _aws_identity(policy: tuple[AwsStatement, ...], path: str) -> Iterator[Weakening]:
    yield Weakening(
        path=path,
        value=", ".join(sorted({action for statement in policy for action in statement.actions})),
        effect="Its pods reach the node's agent past the sidecar and have credentials of AWS, which hold wherever they "
        "are taken: no policy of the mesh limits them.",
    )
    for statement in policy:
        granting = [action for action in statement.actions if action.partition(":")[0] in _OF_PERMISSIONS]
        if granting:
            effect = "It may take or give permissions of AWS that do not stand here."
            yield Weakening(path=path, value=", ".join(granting), effect=effect)
        if statement.on_everything:
            yield Weakening(path=path, value=", ".join(statement.actions), effect="On every resource of the account.")
        if statement.wildcards:
            effect = "A wildcard: what AWS adds to the service later is allowed too."
            yield Weakening(path=path, value=", ".join(statement.wildcards), effect=effect)
