"""The keys of a stack's file: each is read, or refused. One that is dropped silently is believed to hold."""

from __future__ import annotations

import difflib
from typing import Any

from configuration.problems import Problem, show

PROJECT = "zero-trust-mesh"
"""The project's name in `Pulumi.yaml`, and the prefix of its keys in a stack's file."""

AWS_KEYS: dict[str, str] = {
    "aws:region": "region",
    "aws:profile": "profile",
    "aws:allowedAccountIds": "allowedAccountIds",
}
"""What is read of the AWS provider's own keys, and the setting that each becomes."""

_ENGINES_OWN = "pulumi"
_INSTEAD: dict[str, str] = {
    "aws:assumeRole": "Let the profile of aws:profile assume the role (role_arn in the AWS configuration), or the job "
    "that runs `up`.",
    "aws:assumeRoles": "Let the profile of aws:profile assume the role (role_arn in the AWS configuration).",
    "aws:defaultTags": "Set `tags`.",
    "aws:accessKey": "Give credentials by the environment or a profile; never in a file of the project.",
    "aws:secretKey": "Give credentials by the environment or a profile; never in a file of the project.",
    "aws:token": "Give credentials by the environment or a profile; never in a file of the project.",
}


def unread(key: str, value: Any, project: str = PROJECT) -> Problem | None:
    """Why a key of the file would have no effect, or another one than it says; None if it is read."""
    namespace, colon, name = key.partition(":")
    if namespace == project and f"aws:{name}" in AWS_KEYS:
        return _problem(key, value, f"aws:{name} says this, and one of the two would be believed.", f"Set aws:{name}.")
    if not colon or key in AWS_KEYS or namespace in (project, _ENGINES_OWN):
        return None
    # Never its value: these may be credentials.
    if namespace == "aws":
        remedy = _INSTEAD.get(key, f"Remove it; {', '.join(AWS_KEYS)} are read.")
        rule = "The program makes its AWS provider itself and reads no such key: it would silently not hold."
        return _problem(key, "(set)", rule, remedy)
    close = difflib.get_close_matches(namespace, (project, "aws"), n=1)
    remedy = f'Write it as "{close[0]}:{name}".' if close else f"Remove it; keys begin with {project}: or aws:."
    return _problem(key, "(set)", "Nothing here reads keys that begin so: it would silently not hold.", remedy)


def _problem(key: str, value: Any, rule: str, remedy: str) -> Problem:
    return Problem(path=key, value=value if value == "(set)" else show(value), rule=rule, remedy=remedy)
