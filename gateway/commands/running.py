"""What commands share: how they load settings, stop on a signal, and fail with one line."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.config import settings as settings_table
from gateway.config.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gateway.stores import Store

Result = TypeVar("Result")


class Failed(click.ClickException):
    """The command failed (exit code 1). The text says what to do."""

    exit_code = 1


class Signals:
    """The first Ctrl-C or SIGTERM cancels the command, so that what it started is stopped.

    Later signals do not interrupt the stopping. Once the server handles signals, it gets them all.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._ours = True

    def cancel_on_signal(self, task: asyncio.Task[Any]) -> None:
        def stop() -> None:
            if self._ours:
                self.stopped = True
                self._ours = False
                task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # on Windows asyncio handles Ctrl-C
                loop.add_signal_handler(number, stop)

    def leave_to_server(self) -> None:
        """From now on signals stop the server, and the command ends with it.

        The handler stays installed: uvicorn adds its own, and raises the signal again when it ends.
        """
        self._ours = False


def debugging() -> bool:
    """Whether the owner set DEBUG."""
    try:
        return settings_table.load().debug
    except SettingsError:
        return os.environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}


def run(
    work: Coroutine[Any, Any, Result],
    signals: Signals | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Result:
    """Run to the end, or until a signal: KeyboardInterrupt, once everything has stopped."""
    signals = signals or Signals()

    async def stoppable() -> Result:
        task = asyncio.current_task()
        assert task is not None
        signals.cancel_on_signal(task)
        try:
            return await work
        except asyncio.CancelledError:
            if signals.stopped:
                raise KeyboardInterrupt from None
            raise

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(stoppable())


def run_server(settings: Settings, work: Callable[[Signals], Coroutine[Any, Any, None]]) -> None:
    """Run a server with logging and, where there is one, the faster event loop. Being stopped by a
    signal is its normal end, so that raises nothing."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if settings.log_format == "json":
        from gateway.telemetry.json_log import JsonLines

        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())
    logging.getLogger("localllm").setLevel(logging.DEBUG if settings.debug else logging.INFO)
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    signals = Signals()
    with contextlib.suppress(KeyboardInterrupt):
        run(work(signals), signals, factory)
    for number in (signal.SIGINT, signal.SIGTERM):  # a late one could only change the exit code
        signal.signal(number, signal.SIG_IGN)
    click.echo("Stopped.", err=True)


def with_store(action: Callable[["Store", Settings], Awaitable[Result]]) -> Result:
    """Open the store that the settings name, run `action` on it, and close it again."""
    from gateway.database.opening import open_store

    settings = settings_table.load()

    async def opened() -> Result:
        async with open_store(settings, progress) as opened:
            return await action(opened.store, settings)

    return run(opened())


def progress(text: str) -> None:
    """Print a step that takes a while to stderr, if that is a terminal."""
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)
