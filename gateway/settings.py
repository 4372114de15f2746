"""Settings: one table from which `--help`, `.env.example` and the README's table are made.

Values come from the environment, then from `.env` in the working directory, then from the table.
A wrong value names itself in one line (`SettingsError`). Secrets hide in `repr`.
"""

import ipaddress
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import platformdirs

from gateway.keys import PREFIX_SHAPE


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it should be."""


def default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("localllm", appauthor=False))


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("should be true or false")


def _integer(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text.strip(), re.ASCII):
            raise ValueError("should be a whole number")
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"should be between {low} and {high}")
        return value

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("should be a number of seconds") from None
    if not 0 < value <= 86_400:
        raise ValueError("should be more than 0 and at most 86400 seconds")
    return value


def _size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,12})\s*(|B|KB|KIB|MB|MIB)", text.strip().upper(), re.ASCII)
    if not found:
        raise ValueError("should be a number of bytes, such as 20971520 or 20MiB")
    value = int(found[1]) * {"": 1, "B": 1, "K": 1024, "M": 1024**2}[found[2][:1]]
    if not 1024 <= value <= 2**30:
        raise ValueError("should be between 1KiB and 1024MiB")
    return value


def _http_url(text: str) -> str:
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    parts = urlsplit(text)
    port_ok = parts.port is None or 0 < parts.port < 65536  # .port raises ValueError on nonsense
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        raise ValueError("should be an address such as http://localhost:11434")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("should not hold a user name, query or fragment")
    return text.rstrip("/")


def _host(text: str) -> str:
    text = text.strip()
    if text == "localhost":
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("should be an IP address such as 127.0.0.1") from None


def _origins(text: str) -> tuple[str, ...]:
    items = tuple(part.strip().strip("\"'") for part in text.strip("[] ").split(","))
    for item in items:
        if item != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", item):
            raise ValueError('should be "*" or a list such as https://a.example,https://b.example')
    return items


def _prefix(text: str) -> str:
    if not PREFIX_SHAPE.fullmatch(text):
        raise ValueError("should be 1 to 16 letters, digits or '-', a letter first")
    return text


def _postgres_url(text: str) -> str:
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("should begin with postgresql://")
    return text


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _setting(
    default: Any, parse: Callable[[str], Any], text: str, *, shown: str = "", secret: bool = False
) -> Any:
    """One row of the table. `shown` is the default as people read it, where it is not plain."""
    row = {"parse": parse, "text": text, "shown": shown, "secret": secret}
    if callable(default):
        return field(default_factory=cast(Any, default), metadata=row, repr=not secret)
    return field(default=default, metadata=row, repr=not secret)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Field NAME is the setting NAME in upper case; sizes in bytes, times in seconds."""

    host: str = _setting("127.0.0.1", _host, "address to listen on; the tunnel needs no open port")
    port: int = _setting(8000, _integer(1, 65535), "port to listen on")
    debug: bool = _setting(False, _boolean, "log every request")
    admin_secret: str = _setting(
        "", str, "secret of the admin routes; made by `up`, required by `serve`", secret=True
    )
    admin_through_tunnel: bool = _setting(
        False, _boolean, "whether admin routes answer requests that came through the tunnel"
    )
    data_dir: Path = _setting(
        default_data_dir, _path, "embedded database, outbox, secrets", shown="user data directory"
    )
    ollama_base_url: str = _setting("http://localhost:11434", _http_url, "where Ollama answers")
    ollama_default_model: str = _setting("qwen2.5:7b", str, "model used where none is named")
    ollama_timeout: float = _setting(120.0, _seconds, "longest silence of Ollama, in seconds")
    supabase_url: str = _setting("", _http_url, "Supabase project; set it to let Supabase decide")
    supabase_service_key: str = _setting(
        "", str, "`sb_secret_…` or a service_role JWT", secret=True
    )
    database_url: str = _setting(
        "", _postgres_url, "a Postgres of your own instead of the embedded one", secret=True
    )
    default_rate_limit_per_min: int = _setting(
        20, _integer(1, 1_000_000), "requests a minute of a new key"
    )
    default_monthly_token_limit: int = _setting(
        1_000_000, _integer(0, 10**12), "tokens a month of a new key"
    )
    api_key_prefix: str = _setting("llm", _prefix, "how new keys begin")
    cors_origins: tuple[str, ...] = _setting(
        ("*",), _origins, "websites whose pages may call, separated by commas", shown="*"
    )
    max_output_tokens: int = _setting(8192, _integer(1, 10_000_000), "most tokens of one reply")
    max_body_bytes: int = _setting(20 * 1024**2, _size, "largest request", shown="20MiB")
    upstream_concurrency: int = _setting(4, _integer(1, 1024), "requests that Ollama gets at once")
    queue_limit: int = _setting(64, _integer(0, 100_000), "requests that may wait for their turn")
    heartbeat_seconds: float = _setting(
        15.0, _seconds, "silence after which a sign of life is sent"
    )
    offline_grace_seconds: float = _setting(
        300.0, _seconds, "how long known keys go on when Supabase cannot be reached"
    )
    allow_cloud_models: bool = _setting(
        False, _boolean, "whether models that run in Ollama's cloud may be used"
    )

    @property
    def store(self) -> str:
        """supabase | postgres | embedded"""
        if self.supabase_url:
            return "supabase"
        return "postgres" if self.database_url else "embedded"


def names() -> list[str]:
    return [item.name.upper() for item in fields(Settings)]


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """Read all settings. Raises SettingsError for the first one that is wrong."""
    environ = os.environ if environ is None else environ
    merged = {**read_dotenv(dotenv or Path(".env")), **environ}
    values: dict[str, Any] = {}
    for item in fields(Settings):
        name = item.name.upper()
        text = merged.get(name, "")
        if not text.strip():  # unset and empty are the same: a copied .env.example changes nothing
            continue
        try:
            values[item.name] = item.metadata["parse"](text)
        except ValueError as problem:
            shown = "" if item.metadata["secret"] else f" ({text!r})"
            raise SettingsError(f"{name}{shown} {problem}.") from None
    settings = Settings(**values)
    if bool(settings.supabase_url) != bool(settings.supabase_service_key):
        raise SettingsError("SUPABASE_URL and SUPABASE_SERVICE_KEY belong together: set both.")
    return settings


def read_dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines; `#` comments, `export` and one pair of quotes are understood."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read: {problem}.") from None
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not re.fullmatch(r"\w+", name.strip(), re.ASCII):
            raise SettingsError(f"{path} line {number} should read NAME=value.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = re.sub(r"\s+#.*", "", value)
        values[name.strip()] = value
    return values


def rows() -> list[tuple[str, str, str]]:
    """(NAME, default as people read it, meaning) of every setting, in order."""
    table: list[tuple[str, str, str]] = []
    for item in fields(Settings):
        shown = item.metadata["shown"]
        if not shown:
            shown = str(item.default).removesuffix(".0")
            shown = shown.lower() if isinstance(item.default, bool) else shown
        table.append((item.name.upper(), shown, item.metadata["text"]))
    return table


def dotenv_example() -> str:
    """The text of `.env.example`: every setting, commented out, with its default."""
    head = "# Copy to .env and change what you need. Everything has a sane default.\n"
    body = "".join(f"\n# {text}\n#{name}={shown}\n" for name, shown, text in rows())
    return head + body


def markdown_table() -> str:
    """The settings table of the README."""
    lines = ["| name | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {shown or '–'} | {text} |" for name, shown, text in rows()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown_table() if "--markdown" in sys.argv else dotenv_example())
