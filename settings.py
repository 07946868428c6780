"""The settings of the stack that is running. The only reader of `pulumi.Config`.

    settings = load()

What a stack may say, and `parse`, which does the same for a plain mapping without Pulumi, are in `configuration`.
"""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import Settings


def load() -> Settings:
    """Reads the settings of the stack that is running.

    Raises `pulumi.RunError` with every problem at once, before any resource is registered.
    """
    try:
        return parse(pulumi.get_stack(), {**get_config_env(), **CONFIG.get()})
    except SettingsError as error:
        # The one exception that the language host prints as it is, without a traceback.
        raise pulumi.RunError(str(error)) from None
