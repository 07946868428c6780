"""Waits for the end of everything that a program began."""

from __future__ import annotations

import asyncio

from pulumi.runtime.settings import SETTINGS


async def drain() -> None:
    """Waits until everything the program began has ended, and raises the first error.

    Pulumi's own `wait_for_rpcs` does the same, but looks at every outstanding output again each time one of them
    ends: the square of their number, and half the time of a plan with 400 applications.
    """
    manager = SETTINGS.rpc_manager
    while manager.rpcs or SETTINGS.outputs:
        while manager.rpcs:
            await manager.rpcs.pop()
        outputs = list(SETTINGS.outputs)
        SETTINGS.outputs.clear()
        if outputs:
            await asyncio.wait(outputs, return_when=asyncio.FIRST_EXCEPTION)
            for output in outputs:
                if output.done():
                    output.result()
                else:
                    SETTINGS.outputs.add(output)
        if manager.unhandled_exception is not None:
            raise manager.unhandled_exception.with_traceback(manager.exception_traceback)
