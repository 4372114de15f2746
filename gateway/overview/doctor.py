"""`localllm doctor`, run from here: in a process of its own, so that nothing that it starts, waits
for or breaks is ours."""

import asyncio
import contextlib
import logging
import sys
from typing import Any

import msgspec

from gateway.core.errors import Refusal

PATIENCE = 90.0  # seconds
# -P: no module is taken from the working directory.
_COMMAND = (sys.executable, "-P", "-m", "gateway", "doctor", "--json")
_log = logging.getLogger("localllm")
_STATES = {"ok": "ok", "warn": "warning", "fail": "failed"}


class _Check(msgspec.Struct):
    check: str
    state: str
    text: str


class _Report(msgspec.Struct):
    checks: list[_Check]


class Doctor:
    """One examination at a time: who asks meanwhile gets its result."""

    def __init__(self) -> None:
        self._task: asyncio.Task[dict[str, Any] | Refusal] | None = None

    async def examine(self) -> dict[str, Any] | Refusal:
        """The JSON of `POST /admin/doctor`."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(_examine())
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


async def _examine() -> dict[str, Any] | Refusal:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    problem = b""
    try:
        async with asyncio.timeout(PATIENCE):
            said, problem = await process.communicate()
        report = msgspec.json.decode(said, type=_Report)
    except TimeoutError:
        _log.error("doctor did not end within %.0f seconds", PATIENCE)
        return Refusal("internal_error")
    except msgspec.MsgspecError:
        _log.error("doctor failed: %s", problem[-2000:].decode("utf-8", "replace").strip())
        return Refusal("internal_error")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    findings = [
        {"title": one.check, "state": _STATES.get(one.state, "failed"), "text": one.text}
        for one in report.checks
    ]
    return {"object": "doctor", "findings": findings}
