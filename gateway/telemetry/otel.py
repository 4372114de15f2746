"""OpenTelemetry, where one of its standard variables names a collector (docs/metrics.md).

Its own threads send what was gathered (OTLP over HTTP, protobuf); a collector that is slow or away
costs no request anything.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path

from gateway.config.dotenv_file import SettingsError, read_dotenv
from gateway.config.extras import OTEL, ExtraError
from gateway.core.record import Listeners
from gateway.telemetry.otel_log import one_line_a_minute

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SIGNALS = ("TRACES", "METRICS")
_PROTOCOL = "http/protobuf"
_LAST_WORD = 3.0  # seconds for what is still to be sent when the gateway stops
_log = logging.getLogger("localllm.otel")


def wanted(environ: Mapping[str, str]) -> set[str]:
    """TRACES and METRICS, as far as a collector for them is named. Raises SettingsError."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return set()
    found: set[str] = set()
    for signal in _SIGNALS:
        own = f"OTEL_EXPORTER_OTLP_{signal}"
        named = environ.get(f"{own}_ENDPOINT", "").strip() or environ.get(_ENDPOINT, "").strip()
        exporter = environ.get(f"OTEL_{signal}_EXPORTER", "").strip() or "otlp"
        if not named or exporter != "otlp":
            continue
        protocol = environ.get(f"{own}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        if protocol and protocol.strip() != _PROTOCOL:
            raise SettingsError(
                f"OTEL_EXPORTER_OTLP_PROTOCOL ({protocol!r}) is not spoken here: use "
                f"{_PROTOCOL}, and the collector's port for it, which is 4318 as a rule."
            )
        found.add(signal)
    return found


@contextlib.asynccontextmanager
async def exporting(listeners: Listeners) -> AsyncGenerator[None]:
    """Meanwhile requests are told to the collector, if one is named, in the environment or in
    `.env`. Without the extra, that is said, and the gateway goes on. Raises SettingsError."""
    given = await asyncio.to_thread(read_dotenv, Path(".env"))
    for name, value in given.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    signals = wanted(os.environ)
    if not signals or not await _installed():
        yield
        return
    one_line_a_minute(_log)
    await asyncio.to_thread(importlib.import_module, "gateway.telemetry.otel_listener")
    from gateway.telemetry.otel_listener import OtelListener

    listener = await asyncio.to_thread(OtelListener, signals)
    listeners.add(listener, listener.begin)
    try:
        yield
    finally:
        listeners.remove(listener)
        await _in_a_thread(listener.close)


async def _installed() -> bool:
    if await asyncio.to_thread(OTEL.is_installed):
        return True
    _log.warning("Installing what sends traces and metrics to OpenTelemetry (once).")
    try:
        await OTEL.install()
    except ExtraError as problem:
        _log.error("Nothing is sent to OpenTelemetry without its packages: %s", problem)
        return False
    return True


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Wait a moment for it. A thread of asyncio's own would keep the process until it has ended,
    however long a collector says nothing."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORD):
            await done.wait()
