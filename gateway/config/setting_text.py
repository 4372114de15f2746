"""The text of one setting, as it was given: beside it, or for a secret in a file of its own."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config.dotenv_file import SettingsError

_SECRET_BYTES = 16 * 1024


def text_of(given: Mapping[str, str], name: str, secret: bool) -> str:
    """That of a secret may come from the file that NAME_FILE names. Raises SettingsError."""
    text, path = given.get(name, ""), given.get(f"{name}_FILE", "").strip()
    if not secret or not path:
        return text
    if text.strip():
        raise SettingsError(f"{name} and {name}_FILE are both set: remove one of them.")
    try:
        with Path(path).open("rb") as file:
            found = file.read(_SECRET_BYTES + 1).decode("utf-8-sig").strip()
    except OSError as problem:
        raise SettingsError(f"{name}_FILE ({path}) cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}_FILE ({path}) is not a text file.") from None
    if not found or len(found) > _SECRET_BYTES:
        should = "is empty" if not found else f"is longer than {_SECRET_BYTES} bytes"
        raise SettingsError(f"{name}_FILE ({path}) {should}.")
    return found
