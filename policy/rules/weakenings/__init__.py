"""What the settings give up."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.weakenings.settings import settings

RULES: tuple[Rule, ...] = (settings,)
