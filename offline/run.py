"""Runs `__main__.py` under Pulumi's mock runtime, and records every request the engine would have got.

An `Engine` decides what each resource becomes: the recorder of `plan` makes outputs up, the lab really creates it.
Each resource reaches the engine after all it depends on, one at a time unless the engine can take more (`workers`).
They are recorded in the order of the program, which is the same in each run.
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
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pulumi
import pulumi.runtime
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import SETTINGS, get_root_resource
from pulumi.runtime.stack import Stack

from configuration.problems import SettingsError
from configuration.settings import PROJECT
from offline.monitor import OrderedRequests, RecordingMonitor
from offline.registration import Engine, EngineError, Registration
from offline.values import Secret

# An Output inside an f-string is silent garbage otherwise.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"


@dataclass(frozen=True, kw_only=True)
class ProgramError:
    """Why a program did not end well. `message` is for people.

    settings: the stack's configuration was refused; every problem is in the message
    engine:   the engine could not make a resource; the message begins with its URN
    program:  the program raised something else; the message ends with where
    timeout:  it did not end in time, mostly since a value waits for itself
    """

    kind: Literal["settings", "engine", "program", "timeout"]
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, kw_only=True)
class ProgramRun:
    """What one run of the program registered, in the order of the program; complete only if `error` is None.

    outputs:           the stack's exports; secrets are `Secret`
    component_outputs: what each component registered, by URN
    messages:          what the program logged, as (level, text)
    """

    registrations: tuple[Registration, ...]
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
    """Runs `<directory>/__main__.py` as the stack `stack`.

    config:  as the engine hands it over, e.g. `{"aws:region": "eu-west-1", "zero-trust-mesh:network": "{…}"}`;
             a value may be `Secret` (see `offline.stack_files.StackConfig.config`)
    preview: what no engine supplied is unknown then, and `.apply` on it does not run; otherwise it is None
    timeout: seconds, None for no limit
    workers: how many calls the engine gets at the same time, from as many threads, where the program's dependencies
             allow it; with 1 all come from one thread

    Never raises for what the program does: see `ProgramRun.error`. May be called any number of times in a process,
    one at a time: each run has a thread, and so a Pulumi runtime, of its own.
    """
    run = _Run(directory, stack=stack, project=project, config=config, engine=engine, preview=preview, workers=workers)
    thread = threading.Thread(target=run.execute, name=f"program-{stack}", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        run.abandon()
        message = (
            f"The program did not end within {timeout:g} s; {len(run.monitor.registrations)} resources were "
            "registered. Either the machine is too slow for it, or an output waits for itself."
        )
        run.error = ProgramError(kind="timeout", message=message)
    return run.result()


class _Run:
    """One run, in a thread whose context (Pulumi keeps its state in context variables) starts empty."""

    def __init__(
        self,
        directory: Path,
        *,
        stack: str,
        project: str,
        config: Mapping[str, Any],
        engine: Engine,
        preview: bool,
        workers: int,
    ) -> None:
        self.directory = directory.resolve()
        self.stack, self.project, self.config, self.preview = stack, project, config, preview
        self.monitor = RecordingMonitor(engine, stack=stack, project=project)
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
            with _import_path(self.directory):
                self._task = self._loop.create_task(self._main())
                self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as problem:  # the program may raise anything, SystemExit included
            self.error = self._error_of(problem)
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
        program = str(self.directory / "__main__.py")
        runpy.run_path(program, run_name="__main__")
        await _drain()
        root = get_root_resource()
        if isinstance(root, Stack):
            for name, value in root.outputs.items():
                output = pulumi.Output.from_input(value)
                known = await output.future()
                self.outputs[name] = Secret(known) if await output.is_secret() else known

    def _error_of(self, problem: BaseException) -> ProgramError:
        chain = list(_causes(problem))
        # `settings.load` hides it behind a RunError, which is what Pulumi's own language host shows as a plain text.
        for cause in _causes(problem, hidden=True):
            if isinstance(cause, SettingsError):
                return ProgramError(kind="settings", message=str(cause))
        for cause in chain:
            if isinstance(cause, EngineError):
                return ProgramError(kind="engine", message=str(cause))
        for cause in chain:
            if isinstance(cause, pulumi.RunError):
                return ProgramError(kind="program", message=str(cause))
        if isinstance(problem, SystemExit):
            return ProgramError(kind="program", message=f"The program ended itself with {problem.code!r}.")
        root = chain[-1]
        frames = [
            frame
            for frame in traceback.extract_tb(root.__traceback__)
            if Path(frame.filename).is_relative_to(self.directory)
        ]
        where = "".join(
            f"\n    {Path(frame.filename).relative_to(self.directory)}:{frame.lineno} in {frame.name}"
            for frame in frames
        )
        return ProgramError(kind="program", message=f"{type(root).__name__}: {root}{where}")


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


@contextlib.contextmanager
def _import_path(directory: Path) -> Generator[None, None, None]:
    """The program's directory first on the import path, as Pulumi's language host has it."""
    entry = str(directory)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)


def _causes(problem: BaseException, *, hidden: bool = False) -> Iterator[BaseException]:
    """The error and what led to it; hidden: also what `raise … from None` leaves out."""
    seen: set[int] = set()
    current: BaseException | None = problem
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        shown = hidden or not current.__suppress_context__
        current = current.__cause__ or (current.__context__ if shown else None)


async def _drain() -> None:
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
