"""Settings: one table from which `--help`, `.env.example` and the README's table are made.

Values come from the environment, then from `.env` in the working directory, then from the table.
A wrong value names itself in one line (`SettingsError`). Secrets hide in `repr`, and each can stand
in a file instead: NAME_FILE is its path, as Docker's secrets and systemd's credentials want it.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import platformdirs

from gateway.config import values
from gateway.core.key_fields import span
from tunnel.hostname import hostname

_SECRET_BYTES = 16 * 1024


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it should be."""


def default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("localllm", appauthor=False))


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

    host: str = _setting(
        "127.0.0.1", values.host, "address to listen on; the tunnel needs no open port"
    )
    port: int = _setting(8000, values.integer(1, 65535), "port to listen on")
    debug: bool = _setting(False, values.boolean, "log every request")
    admin_secret: str = _setting(
        "", str, "secret of the admin routes; made by `up`, required by `serve`", secret=True
    )
    admin_through_tunnel: bool = _setting(
        False, values.boolean, "whether admin routes answer requests that came through the tunnel"
    )
    docs_through_tunnel: bool = _setting(
        False, values.boolean, "whether `/docs` and `/openapi.json` answer them"
    )
    tunnel_hostname: str = _setting(
        "", hostname, "public name of the tunnel; set it where cloudflared runs without localllm"
    )
    tunnel_token_file: Path | None = _setting(
        None, values.path, "file with the tunnel's token, if not the one that `tunnel setup` keeps"
    )
    access_team: str = _setting(
        "",
        values.access_team,
        "team domain of Cloudflare Access; set it to let in through the tunnel only whom it let in",
    )
    access_audience: tuple[str, ...] = _setting(
        (), values.access_audience, "AUD tag of the Access application"
    )
    tunnel_grace_seconds: int = _setting(
        30, values.integer(1, 180), "how long open answers may go on when the tunnel stops"
    )
    cloudflared_path: Path | None = _setting(
        None, values.path, "a cloudflared of your own; else one on PATH, else one is installed"
    )
    data_dir: Path = _setting(
        default_data_dir,
        values.path,
        "embedded database, outbox, secrets",
        shown="user data directory",
    )
    ollama_base_url: tuple[str, ...] = _setting(
        ("http://localhost:11434",),
        values.http_urls,
        "where Ollama answers; several machines are separated by commas",
        shown="http://localhost:11434",
    )
    ollama_default_model: str = _setting(
        "qwen2.5:7b", values.model, "model used where none is named"
    )
    model_aliases: Mapping[str, str] = _setting(
        dict, values.aliases, "other names for models, such as gpt-4o-mini=qwen2.5:7b,…"
    )
    ollama_timeout: float = _setting(
        120.0,
        values.seconds,
        "longest silence of Ollama, in seconds; five times as long for an answer in one piece",
    )
    supabase_url: str = _setting(
        "", values.supabase_url, "Supabase project; set it to let Supabase decide"
    )
    supabase_service_key: str = _setting(
        "", values.supabase_key, "`sb_secret_…` or a service_role JWT", secret=True
    )
    database_url: str = _setting(
        "", values.postgres_url, "a Postgres of your own instead of the embedded one", secret=True
    )
    default_rate_limit_per_min: int = _setting(
        20, values.integer(*span("rate_limit_per_min")), "requests a minute of a new key"
    )
    default_monthly_token_limit: int = _setting(
        1_000_000, values.integer(*span("monthly_token_limit")), "tokens a month of a new key"
    )
    api_key_prefix: str = _setting("llm", values.prefix, "how new keys begin")
    cors_origins: tuple[str, ...] = _setting(
        ("*",), values.origins, "websites whose pages may call, separated by commas", shown="*"
    )
    max_output_tokens: int = _setting(
        8192, values.integer(1, 10_000_000), "most tokens of one reply"
    )
    max_body_bytes: int = _setting(20 * 1024**2, values.size, "largest request", shown="20MiB")
    upstream_concurrency: int = _setting(
        4, values.integer(1, 1024), "requests that each Ollama machine gets at once"
    )
    queue_limit: int = _setting(
        64,
        values.integer(0, 100_000),
        "requests that may wait for their turn; "
        "a key that has none waiting may add one to a full queue",
    )
    heartbeat_seconds: float = _setting(
        15.0, values.seconds, "silence after which a sign of life is sent"
    )
    offline_grace_seconds: float = _setting(
        300.0, values.seconds_or_none, "how long known keys go on when Supabase cannot be reached"
    )
    usage_retention_months: int = _setting(
        12, values.integer(2, 1200), "months of single requests kept; sums by day are kept for ever"
    )
    allow_cloud_models: bool = _setting(
        False, values.boolean, "whether models that run in Ollama's cloud may be used"
    )

    @property
    def store(self) -> str:
        """supabase | postgres | embedded"""
        if self.supabase_url:
            return "supabase"
        return "postgres" if self.database_url else "embedded"


def names() -> list[str]:
    return [item.name.upper() for item in fields(Settings)]


def secret_names() -> list[str]:
    return [item.name.upper() for item in fields(Settings) if item.metadata["secret"]]


def variables() -> list[str]:
    """Every variable that is read: the settings, and the paths of those that stand in a file."""
    return [*names(), *(f"{name}_FILE" for name in secret_names())]


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """Read all settings. Raises SettingsError for the first one that is wrong."""
    environ = os.environ if environ is None else environ
    merged = {**read_dotenv(dotenv or Path(".env")), **environ}
    given: dict[str, Any] = {}
    for item in fields(Settings):
        name = item.name.upper()
        text = _value(merged, name, item.metadata["secret"])
        if not text.strip():  # unset and empty are the same: a copied .env.example changes nothing
            continue
        try:
            given[item.name] = item.metadata["parse"](text)
        except ValueError as problem:
            shown = "" if item.metadata["secret"] else f" ({values.without_password(text)!r})"
            raise SettingsError(f"{name}{shown} {problem}.") from None
    settings = Settings(**given)
    if bool(settings.supabase_url) != bool(settings.supabase_service_key):
        raise SettingsError("SUPABASE_URL and SUPABASE_SERVICE_KEY belong together: set both.")
    if bool(settings.access_team) != bool(settings.access_audience):
        raise SettingsError("ACCESS_TEAM and ACCESS_AUDIENCE belong together: set both.")
    project = values.jwt_claims(settings.supabase_service_key).get("ref")
    host = urlsplit(settings.supabase_url).hostname or ""
    if project and host.endswith(".supabase.co") and host != f"{project}.supabase.co":
        raise SettingsError(
            f"SUPABASE_SERVICE_KEY belongs to the project {project}, SUPABASE_URL is {host}."
        )
    return settings


def _value(given: Mapping[str, str], name: str, secret: bool) -> str:
    """What is given for a setting; a secret may stand in a file of its own."""
    text, path = given.get(name, ""), given.get(f"{name}_FILE", "").strip()
    if not secret or not path:
        return text
    if text.strip():
        raise SettingsError(f"{name} and {name}_FILE are both set: keep one of them.")
    try:
        with Path(path).open("rb") as file:
            found = file.read(_SECRET_BYTES + 1).decode("utf-8").strip()
    except OSError as problem:
        raise SettingsError(f"{name}_FILE ({path}) cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}_FILE ({path}) is no text.") from None
    if not found or len(found) > _SECRET_BYTES:
        should = "is empty" if not found else f"is longer than {_SECRET_BYTES} bytes"
        raise SettingsError(f"{name}_FILE ({path}) {should}.")
    return found


def read_dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines; `#` comments, `export` and one pair of quotes are understood."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read: {problem}.") from None
    found: dict[str, str] = {}
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
        found[name.strip()] = value
    return found


def rows() -> list[tuple[str, str, str]]:
    """(NAME, default as people read it, meaning) of every setting, in order."""
    table: list[tuple[str, str, str]] = []
    for item in fields(Settings):
        shown = item.metadata["shown"]
        if not shown and item.default not in (MISSING, None, ()):
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
