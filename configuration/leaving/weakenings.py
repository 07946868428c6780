"""What an application's ways out give up."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.applications import Application
from configuration.kinds.weakening import Weakening
from configuration.settings import Settings

# Whoever may do these gives himself what the policy does not.
_OF_PERMISSIONS = ("iam", "sts", "organizations", "eks")


def leaving(settings: Settings, application: Application, path: str) -> Iterator[Weakening]:
    """What leaves the mesh of one application. path: of the application."""
    yield from _egress(settings, application, path)
    yield from _aws_identity(application, path)


def _egress(settings: Settings, application: Application, path: str) -> Iterator[Weakening]:
    for egress in application.egress:
        value = f"{egress.destination}:{egress.port}"
        if egress.cidr:
            unknown = " Whether pods stand in it, the settings do not know." if settings.network.existing else ""
            yield Weakening(
                path=f"{path}.egress",
                value=value,
                effect="Opaque TCP: whatever answers on this port in this private network can be called, and nothing "
                f"of it is seen.{unknown}",
            )
            continue
        if egress.networks:
            networks = ", ".join(map(str, egress.networks))
            yield Weakening(
                path=f"{path}.egress",
                value=value,
                effect=f"Below the sidecar the port is open to all of {networks}: which host it is, the sidecar alone "
                "decides.",
            )
        if egress.protocol == "HTTP":
            yield Weakening(path=f"{path}.egress", value=value, effect="It leaves in plaintext.")
        elif not egress.originate and egress.protocol != "TCP":
            yield Weakening(
                path=f"{path}.egress",
                value=value,
                effect="The sidecar sees the name in the TLS handshake only: whatever else answers at the same address "
                "can be asked for behind it.",
            )
        elif egress.protocol == "TCP":
            yield Weakening(
                path=f"{path}.egress",
                value=value,
                effect="Opaque TCP: any connection to this port goes to this host, and nothing of it is seen.",
            )


def _aws_identity(application: Application, path: str) -> Iterator[Weakening]:
    if not application.aws_policy:
        return
    actions = sorted({action for statement in application.aws_policy for action in statement.actions})
    yield Weakening(
        path=f"{path}.awsPolicy",
        value=", ".join(actions),
        effect="Its pods reach the node's agent past the sidecar and have credentials of AWS, which hold wherever they "
        "are taken: no policy of the mesh limits them.",
    )
    for statement in application.aws_policy:
        granting = [action for action in statement.actions if action.partition(":")[0] in _OF_PERMISSIONS]
        if granting:
            yield Weakening(
                path=f"{path}.awsPolicy",
                value=", ".join(granting),
                effect="It may take or give permissions of AWS that do not stand here.",
            )
        if statement.on_everything:
            yield Weakening(
                path=f"{path}.awsPolicy",
                value=", ".join(statement.actions),
                effect="On every resource of the account.",
            )
        if statement.wildcards:
            yield Weakening(
                path=f"{path}.awsPolicy",
                value=", ".join(statement.wildcards),
                effect="A wildcard: what AWS adds to the service later is allowed too.",
            )
