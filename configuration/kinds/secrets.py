"""What a stack keeps secret, under the one key of its file that may hold secrets.

The engine says of each top-level key whether it holds a secret, but not where in it. So secrets have a key of their
own, and what needs one names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from configuration.kinds.keys import AWS_KEYS, PROJECT
from configuration.problems import Problem, rejection
from configuration.section import section

SECRETS = "secrets"
"""The setting below which every value is a secret, and outside which none is."""

KEY_LENGTH = 32
"""Characters: a hash made with a shorter key could be undone by trying keys."""

GENERATE_KEY = 'pulumi config set --secret --path secrets.key "$(openssl rand -hex 32)"'


def _key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < KEY_LENGTH:
        raise rejection(
            f"It has at least {KEY_LENGTH} characters, or it could be guessed and then the secrets it is to hide.",
            f"Make a random one: {GENERATE_KEY}",
        )
    return value


def _value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or "\0" in text or not _is_unicode(text):
        raise rejection(
            "It is empty, or holds a character that no environment variable can have.",
            "Set it again: `pulumi config set --secret --path secrets.values.<name>`.",
        )
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@section
class Secrets:
    """The only place for secrets: each value here is encrypted (`pulumi config set --secret --path
    secrets.values.<name>`), and no value elsewhere is. An application's `environment` names what it takes of them."""

    key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    """Random text, at least 32 characters. Pods roll when a secret of theirs changes, by a hash that stands in their
    template: made with this key, it tells a reader nothing, however short the secret."""
    values: dict[str, Annotated[SecretStr, AfterValidator(_value)]] = Field(default_factory=dict)
    """Name -> secret. Names are no secrets, and are shown."""


NO_SECRETS = Secrets()


def sealed(value: Any) -> Any:
    """A tree of secret values such that no text form, error or traceback shows one. Names stay readable.

    A number is the text that JSON has for it: a secret is text, whatever it looks like.
    """
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, Mapping):
        return {key: sealed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sealed(item) for item in value]
    return None if value is None else SecretStr(value if isinstance(value, str) else json.dumps(value))


def misplaced(key: str, value: Any) -> Problem | None:
    """Why a key of the file may not be secret, or not be in plain text; None if it stands as it should.

    value: `SecretStr` where the engine holds it encrypted.
    """
    namespace, _, name = key.partition(":")
    ours = namespace == PROJECT
    if ours and name == SECRETS:
        if isinstance(value, SecretStr) or value in ("", "{}", None, {}):
            return None
        return Problem(
            path=name,
            value="[not shown]",
            rule="It stands in the stack's file in plain text: whoever reads the repository reads it.",
            remedy="Take it for known and change it, then set it encrypted: `pulumi config set --secret --path "
            "secrets.values.<name>`.",
        )
    if isinstance(value, SecretStr) and (ours or key in AWS_KEYS):
        return Problem(
            path=name if ours else key,
            value="[secret]",
            rule="A secret here would stand in the cluster, in the state and in plans in plain text: only what is "
            f"below `{SECRETS}` is kept.",
            remedy="Write it without `secure:`. What an application must keep secret goes below secrets.values, and "
            "its environment names it: `{secret: <name>}`.",
        )
    return None
