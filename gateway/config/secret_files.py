"""Secrets that the gateway makes for its owner and keeps in DATA_DIR, each in a file of its own.

Processes that start at the same time end up with the same secret: the first to write it wins.
"""

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

from tunnel import private_files
from tunnel.private_files import UnsafeFile

# Their names in DATA_DIR.
ADMIN_SECRET_FILE = "admin-secret"  # noqa: S105
GATEWAY_TOKEN_FILE = "supabase-gateway-token"  # noqa: S105
SIGNING_KEY_FILE = "supabase-signing-key.json"  # only while `supabase role` runs


def new_secret() -> str:
    """A text with 256 random bits."""
    return secrets.token_urlsafe(32)


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; where there is none yet, `make` makes it. Raises UnsafeFile."""
    found = read(path)
    if found is not None:
        return found
    with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
        private_files.write(path, make() + "\n", replace=False)
    found = read(path)
    if found is None:
        raise UnsafeFile(f"{path} disappeared while it was being created; try again.")
    return found


def read(path: Path) -> str | None:
    """The secret in `path`, or None where there is no such file. Raises UnsafeFile."""
    try:
        text = private_files.read(path, follow_links=False)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UnsafeFile(f"{path} cannot be read: {problem.strerror}.") from None
    if not text:
        raise UnsafeFile(f"{path} is empty; delete it, and a new secret will be created.")
    return text
