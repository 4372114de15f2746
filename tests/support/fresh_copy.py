"""The repository as a commit would have it, on a machine that has Python only."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.gateway_process import free_port, fresh_directory
from tests.support.paths import ROOT


@contextlib.contextmanager
def fresh_copy() -> Iterator[Path]:
    """A copy of what a commit of all files would hold in `repository`, beside an empty `home`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with fresh_directory() as place:
        (place / "home").mkdir()
        for name in listed.stdout.split("\0"):
            if name and (ROOT / name).is_file():
                target = place / "repository" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        yield place


def environment(home: Path, port: int) -> dict[str, str]:
    """An empty home, but the packages that this machine has already, and its way to more."""
    kept = re.compile(r"(UV|PIP|SSL)_\w+|(HTTPS?|NO|ALL)_PROXY|PATH|LANG", re.IGNORECASE)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        "UV_CACHE_DIR": str(caches / "uv"),
        "PIP_CACHE_DIR": str(caches / "pip"),
        **{name: text for name, text in os.environ.items() if kept.fullmatch(name)},
        "HOME": str(home),
        "PORT": str(port),
        "OLLAMA_BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
