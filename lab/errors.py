"""The one exception whose text is meant for the person at the terminal."""

from __future__ import annotations


class LabError(Exception):
    """Something the user can act on: a missing tool or privilege, a taken port, a full disk.

    Its text is one line that names the value, the rule and the way out; whoever calls the lab prints it
    and exits with a code that is not 0, without a traceback.
    """
