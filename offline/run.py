"""The mock runtime: runs a program under Pulumi's SDK without the engine, and records each request it would have got.

An `Engine` decides what each resource becomes: that of `plan` makes outputs up, the lab really creates it, the tests
have outputs written down. Each resource reaches the engine after all it depends on, one at a time unless the engine
can take more (`workers`). They are recorded in the order of the program, which is the same in each run.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import runpy
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
from pulumi.runtime import rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import SETTINGS, get_root_resource
from pulumi.runtime.stack import Stack

from configuration.settings import PROJECT
from offline.draining import drain
from offline.monitor import OrderedRequests, RecordingMonitor
from offline.program_error import ProgramError, explained
from offline.registration import Call, Engine, Registration
from offline.sdk_packages import imported_by_name
from offline.shortcuts import shortcuts
from offline.values import UNKNOWN, Secret

# An Output inside an f-string is silent garbage otherwise.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"


_LAST_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class ProgramRun:
    """What one run of the program registered, in the order of the program; complete only if `error` is None.

    outputs:           the stack's exports; secrets are `Secret`, what a preview does not know `UNKNOWN`
    calls:             the provider functions it called
    component_outputs: what each component registered, by URN
    messages:          what the program logged, as (level, text)
    """

    registrations: tuple[Registration, ...]
    calls: tuple[Call, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: ProgramError | None = None
    component_outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    messages: tuple[tuple[str, str], ...] = ()


def run_program(
    directory: Path,
    *,
    stack: str,
    config: Mapping[str, Any],
    engine: Engine,
    preview: bool = False,
    timeout: float | None = 300,
    project: str = PROJECT,
    workers: int = 1,
) -> ProgramRun:
    """Runs `<directory>/__main__.py` as the stack `stack`. The rest is `run_callable`'s."""
    return run_callable(
        lambda: runpy.run_path(str(directory.resolve() / "__main__.py"), run_name="__main__"),
        directory=directory,
        stack=stack,
        config=config,
        engine=engine,
        preview=preview,
        timeout=timeout,
        project=project,
        workers=workers,
    )


def run_callable(
    program: Callable[[], object],
    *,
    directory: Path,
    stack: str,
    config: Mapping[str, Any],
    engine: Engine,
    preview: bool = False,
    timeout: float | None = 300,
    project: str = PROJECT,
    workers: int = 1,
) -> ProgramRun:
    """Runs a function as the program of the stack `stack`; what it returns is dropped, it may `pulumi.export`.

    directory: where the program's sources lie: first on the import path; an error names its lines in them
    config:  as the engine hands it over, e.g. `{"aws:region": "eu-west-1", "zero-trust-mesh:network": "{…}"}`;
             a value may be `Secret` (see `offline.stack_files.StackConfig.config`)
    preview: what no engine supplied is unknown then, and `.apply` on it does not run; otherwise it is None
    timeout: seconds, None for no limit
    workers: how many calls the engine gets at the same time, from as many threads, where the program's dependencies
             allow it; with 1 all come from one thread

    Never raises for what the program does: see `ProgramRun.error`. May be called any number of times in a process,
    one at a time: each run has a thread, and so a Pulumi runtime, of its own.
    """
    monitor = RecordingMonitor(engine, stack=stack, project=project)
    run = _Run(
        program,
        directory=directory.resolve(),
        stack=stack,
        project=project,
        config=config,
        monitor=monitor,
        preview=preview,
        workers=workers,
    )
    thread = threading.Thread(target=run.execute, name=f"program-{stack}", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        run.abandon()
        # What it changed in the SDK is undone when it ends; the next run must not begin before.
        thread.join(_LAST_SECONDS)
        message = (
            f"The program did not end within {timeout:g} s; {len(monitor.registrations)} resources were "
            "registered. Either the machine is too slow for it, or an output waits for itself."
        )
        run.error = ProgramError(kind="timeout", message=message)
    return run.result()


class _Run:
    """One run, in a thread whose context (Pulumi keeps its state in context variables) starts empty."""

    def __init__(
        self,
        program: Callable[[], object],
        *,
        directory: Path,
        stack: str,
        project: str,
        config: Mapping[str, Any],
        monitor: RecordingMonitor,
        preview: bool,
        workers: int,
    ) -> None:
        self.program, self.directory, self.monitor = program, directory, monitor
        self.stack, self.project, self.config, self.preview = stack, project, config, preview
        self.error: ProgramError | None = None
        self.outputs: dict[str, Any] = {}
        self.log = _Messages()
        self._executor = (
            concurrent.futures.ThreadPoolExecutor(max_workers=workers) if workers > 1 else _InlineExecutor()
        )
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    def execute(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(self._executor)
        # A failed run leaves tasks that nobody awaits; the error they carry is reported once, by us.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        try:
            with _import_path(self.directory), imported_by_name(), shortcuts():
                self._task = self._loop.create_task(self._main())
                self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as problem:  # the program may raise anything, SystemExit included
            self.error = explained(problem, directory=self.directory)
        finally:
            self._end()

    def _end(self) -> None:
        """Ends what a failed run left unfinished; otherwise it would come to light in a later one."""
        # What the engine is in the middle of is finished: nothing may be made after the run has ended.
        self._executor.shutdown(wait=True, cancel_futures=True)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=1))
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.exception()  # seen, so that nothing is printed about it
        self._loop.close()

    def abandon(self) -> None:
        """Asks a run that hangs to end; its thread is a daemon in case it cannot."""
        task = self._task
        if task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(task.cancel)

    def result(self) -> ProgramRun:
        return ProgramRun(
            registrations=self.monitor.registrations,
            calls=self.monitor.calls,
            outputs=dict(self.outputs),
            error=self.error,
            component_outputs=dict(self.monitor.component_outputs),
            messages=tuple(self.log.messages),
        )

    async def _main(self) -> None:
        set_all_config(
            {key: value.value if isinstance(value, Secret) else value for key, value in self.config.items()},
            [key for key, value in self.config.items() if isinstance(value, Secret)],
        )
        # The one part of Pulumi's state that runs would share: an earlier one's leftovers belong to a closed loop.
        SETTINGS.outputs = set()
        pulumi.runtime.set_mocks(
            self.monitor.mocks,
            project=self.project,
            stack=self.stack,
            preview=self.preview,
            monitor=self.monitor,
            logger=self.log.logger,
        )
        SETTINGS.rpc_manager = OrderedRequests()
        self.program()
        await drain()
        root = get_root_resource()
        if isinstance(root, Stack):
            for name, value in root.outputs.items():
                output = pulumi.Output.from_input(value)
                exported = await self._exported(output)
                self.outputs[name] = Secret(exported) if await output.is_secret() else exported

    async def _exported(self, output: pulumi.Output[Any]) -> Any:
        if not self.preview or await output.is_known():
            return await output.future()
        value = await output.future(with_unknowns=True)
        return _with_unknowns(value) if rpc.contains_unknowns(value) else UNKNOWN


class _InlineExecutor(concurrent.futures.ThreadPoolExecutor):
    """Runs what it is given at once, in the loop's own thread: engines need not think of concurrency."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


class _Messages(logging.Handler):
    """What the program logs through `pulumi.log`, kept instead of printed."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages: list[tuple[str, str]] = []
        self.logger = logging.Logger("program", logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        # Not record.getMessage(): a '%' in the program's text is no placeholder.
        self.messages.append((record.levelname.lower(), str(record.msg)))


def _with_unknowns(value: Any) -> Any:
    """The value with `UNKNOWN` for each part that the SDK marks as unknown."""
    if isinstance(value, dict):
        return {key: _with_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_unknowns(item) for item in value]
    return UNKNOWN if rpc.contains_unknowns(value) else value


@contextlib.contextmanager
def _import_path(directory: Path) -> Generator[None, None, None]:
    """The program's directory first on the import path, as Pulumi's language host has it."""
    entry = str(directory)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
