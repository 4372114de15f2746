"""How commands run: settings read once, stopped by signals, failing in one line."""

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
    """The command could not do its work (exit 1); the text says what to do."""

    exit_code = 1


class Signals:
    """The first Ctrl-C or SIGTERM cancels the command, so that what it started is stopped.

    Later ones do not disturb the stopping, nor do they once the server minds them itself.
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
            with contextlib.suppress(NotImplementedError):  # on Windows Ctrl-C cancels by itself
                loop.add_signal_handler(number, stop)

    def leave_to_server(self) -> None:
        """From now on they end the server, and with it the command.

        The handler stays: uvicorn puts its own beside it, and raises the signal again at its end.
        """
        self._ours = False


def debugging() -> bool:
    """Whether the owner asked for tracebacks."""
    try:
        return settings_table.load().debug
    except SettingsError:
        return os.environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}


def run(
    work: Coroutine[Any, Any, Result],
    signals: Signals | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Result:
    """Run to the end, or until a signal: then KeyboardInterrupt, when everything is stopped."""
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
    """The same for a server, on the fast loop; to be stopped is how it ends well."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("localllm").setLevel(logging.DEBUG if settings.debug else logging.INFO)
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    signals = Signals()
    with contextlib.suppress(KeyboardInterrupt):
        run(work(signals), signals, factory)
    click.echo("Stopped.", err=True)


def with_store(action: Callable[["Store", Settings], Awaitable[Result]]) -> Result:
    """Run `action` on the store that the settings name, opened for the moment."""
    from gateway.database.opening import open_store

    settings = settings_table.load()

    async def opened() -> Result:
        async with open_store(settings, progress) as opened:
            return await action(opened.store, settings)

    return run(opened())


def progress(text: str) -> None:
    """A step that takes a while, told on stderr where a person looks on."""
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)
