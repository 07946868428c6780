"""The settings of the stack that is running. The only reader of `pulumi.Config`.

    settings = load()

What a stack may say, and `parse`, which does the same for a plain mapping without Pulumi, are in `configuration`.
"""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env, is_config_secret
from pydantic import SecretStr

from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import Settings


def load() -> Settings:
    """Reads the settings of the stack that is running.

    Raises `pulumi.RunError` with every problem at once, before any resource is registered.
    """
    try:
        return parse(pulumi.get_stack(), _config())
    except SettingsError as error:
        # The one exception that the language host prints as it is, without a traceback.
        raise pulumi.RunError(str(error)) from None


def _config() -> dict[str, Any]:
    """The stack's configuration; what the engine holds encrypted as `SecretStr`, which no text form shows.

    Of an object with one encrypted value in it the engine says that it is secret, and not where.
    """
    encrypted = set(get_config_secret_keys_env())
    return {
        key: SecretStr(value if isinstance(value, str) else json.dumps(value))
        if key in encrypted or is_config_secret(key)
        else value
        for key, value in {**get_config_env(), **CONFIG.get()}.items()
    }
