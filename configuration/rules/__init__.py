"""What must hold between one setting and another. Each rule is a small function; `check` runs them all."""

from __future__ import annotations

from collections.abc import Sequence

from configuration.breaches import Breach
from configuration.names import DeclaredNames
from configuration.problems import Problem
from configuration.rules import access as rules_access
from configuration.rules import applications as rules_applications
from configuration.rules import authentication as rules_authentication
from configuration.rules import aws as rules_aws
from configuration.rules import aws_identity as rules_aws_identity
from configuration.rules import calls as rules_calls
from configuration.rules import dns as rules_dns
from configuration.rules import egress as rules_egress
from configuration.rules import istio as rules_istio
from configuration.rules import nodes as rules_nodes
from configuration.rules import platform as rules_platform
from configuration.settings import Settings


def check(settings: Settings, *, names: DeclaredNames, refused: Sequence[str] = ()) -> list[Problem]:
    """Every breach of a rule that compares settings.

    refused: the paths of settings that were refused already; what depends on one of them is not judged.
    """
    breaches: list[Breach] = []
    for rule in (
        *rules_platform.RULES,
        *rules_access.RULES,
        *rules_istio.RULES,
        *rules_aws.RULES,
        *rules_nodes.RULES,
        *rules_dns.RULES,
        *rules_authentication.RULES,
        *rules_egress.RULES,
        *rules_aws_identity.RULES,
        *rules_applications.RULES,
        *rules_calls.RULES,
    ):
        breaches += rule(settings)
    breaches += rules_calls.callers_exist(settings, names)
    return [breach.problem for breach in breaches if not breach.depends_on_any(refused)]
