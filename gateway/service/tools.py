"""Run the service manager's tools, and write the files that they read."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

from gateway.service.job import ServiceError

PATIENCE = 120.0  # seconds; stopping a service waits for running answers


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool and return its output, even if it failed. ServiceError: it cannot be run."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        raise ServiceError(f"{command[0]} is not installed on this machine.") from None
    except OSError as problem:
        raise ServiceError(f"{command[0]} cannot be run: {problem.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{' '.join(command)} did not end within {PATIENCE:.0f} s.") from None


def tell(*command: str) -> str:
    """Run a tool and return its output. ServiceError: it failed."""
    done = ask(*command)
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise ServiceError(f"{' '.join(command)} failed: {reason}")
    return done.stdout


def write(files: dict[Path, str]) -> None:
    """Write the files; each appears complete or not at all."""
    for path, text in files.items():
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)


def remove(path: Path) -> bool:
    """Remove the file; whether it existed."""
    with _explained(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise ServiceError(f"{path} cannot be written ({reason}).") from None
