"""Settings: one table, which settings_documents.py shows to people.

A value comes from the environment, else from `.env` in the working directory, else from the table.
A wrong value is reported in one line that names the setting (`SettingsError`). Secrets are hidden
in `repr`. Each secret can be kept in a file instead, whose path is in NAME_FILE, as Docker secrets
and systemd credentials need it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs

from gateway.config import alert_addresses, supabase_project, values
from gateway.config.dotenv_file import SettingsError, read_dotenv
from gateway.config.postgres_url import postgres_url
from gateway.config.setting_text import text_of
from gateway.core.key_fields import span
from tunnel.hostname import hostname


def default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("localllm", appauthor=False))


def _setting(
    default: Any, parse: Callable[[str], Any], text: str, *, shown: str = "", secret: bool = False
) -> Any:
    """One row of the table. `shown` is the default as documents show it, if not its plain text."""
    row = {"parse": parse, "text": text, "shown": shown, "secret": secret}
    if callable(default):
        return field(default_factory=cast(Any, default), metadata=row, repr=not secret)
    return field(default=default, metadata=row, repr=not secret)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Field NAME is the setting NAME in upper case; sizes in bytes, times in seconds."""

    host: str = _setting(
        "127.0.0.1", values.host, "address to listen on; the tunnel does not need an open port"
    )
    port: int = _setting(8000, values.integer(1, 65535), "port to listen on")
    debug: bool = _setting(
        False, values.boolean, "log every request, with its caller, and the reasons of errors"
    )
    log_format: Literal["text", "json"] = _setting(
        "text",
        values.choice("text", "json"),
        "`json`: the log is a JSON object a line, with one for every request",
    )
    admin_secret: str = _setting(
        "",
        values.admin_secret,
        "secret for the admin routes; `up` creates one, `serve` requires it",
        secret=True,
    )
    metrics_token: str = _setting(
        "",
        values.admin_secret,
        "token with which `/metrics` answers others than this machine (`Authorization: Bearer …`)",
        secret=True,
    )
    admin_through_tunnel: bool = _setting(
        False, values.boolean, "serve the admin routes to callers from outside too"
    )
    docs_through_tunnel: bool = _setting(
        False,
        values.boolean,
        "serve `/docs`, `/redoc` and `/openapi.json` to callers from outside too",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        values.hosts,
        "more names under which the gateway is reached, such as that of a proxy before it,"
        " separated by commas; `*.example.com` for all below",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (),
        values.networks,
        "addresses of proxies before the gateway, whose `X-Forwarded-For` names the caller;"
        " cloudflared needs none",
    )
    tunnel_hostname: str = _setting(
        "", hostname, "public hostname; set it if you run cloudflared yourself"
    )
    tunnel_token_file: Path | None = _setting(
        None, values.path, "file with the tunnel's token, instead of the one from `tunnel setup`"
    )
    access_team: str = _setting(
        "",
        values.access_team,
        "team domain of Cloudflare Access; if set, only requests that Access let through are served"
        " through the tunnel",
    )
    access_audience: tuple[str, ...] = _setting(
        (), values.access_audience, "AUD tag of the Cloudflare Access application"
    )
    tunnel_grace_seconds: int = _setting(
        30,
        values.integer(1, 180),
        "seconds that running answers get to finish when the tunnel stops",
    )
    cloudflared_path: Path | None = _setting(
        None, values.path, "cloudflared to use; otherwise the one on PATH, or a downloaded one"
    )
    data_dir: Path = _setting(
        default_data_dir,
        values.path,
        "directory for the embedded database, the outbox and secrets",
        shown="user data directory",
    )
    ollama_base_url: tuple[str, ...] = _setting(
        ("http://localhost:11434",),
        values.http_urls,
        "address of Ollama; separate several machines with commas",
        shown="http://localhost:11434",
    )
    ollama_default_model: str = _setting(
        "qwen2.5:7b", values.model, "model to use when a request names none"
    )
    preload_models: tuple[str, ...] = _setting(
        (),
        values.ollama_models,
        "models that Ollama loads at the start and keeps in memory, separated by commas",
    )
    model_aliases: Mapping[str, str] = _setting(
        dict, values.aliases, "other names for models, for example gpt-4o-mini=qwen2.5:7b,…"
    )
    ollama_timeout: float = _setting(
        120.0,
        values.seconds,
        "seconds to wait for the next byte from Ollama; five times as long if not streaming",
    )
    supabase_url: str = _setting(
        "",
        supabase_project.supabase_url,
        "URL of a Supabase project that holds the keys, limits and usage",
    )
    supabase_service_key: str = _setting(
        "", supabase_project.secret_key, "secret key of that project (`sb_secret_…`)", secret=True
    )
    supabase_publishable_key: str = _setting(
        "",
        supabase_project.publishable_key,
        "with a gateway token, in place of the secret key: publishable key of that project"
        " (`sb_publishable_…`)",
        secret=True,  # it is none, but who confuses the two puts one here
    )
    supabase_gateway_token: str = _setting(
        "",
        supabase_project.gateway_token,
        "token of a role that may only serve calls, made by `localllm supabase role`",
        secret=True,
    )
    database_url: str = _setting(
        "", postgres_url, "your own Postgres, instead of the embedded one", secret=True
    )
    default_rate_limit_per_min: int = _setting(
        20, values.integer(*span("rate_limit_per_min")), "requests per minute for a new key"
    )
    default_monthly_token_limit: int = _setting(
        1_000_000, values.integer(*span("monthly_token_limit")), "tokens per month for a new key"
    )
    api_key_prefix: str = _setting("llm", values.prefix, "prefix of new keys")
    cors_origins: tuple[str, ...] = _setting(
        ("*",),
        values.origins,
        "websites whose pages may send requests, separated by commas; patterns such as"
        " `https://*.example.com` and `chrome-extension://*` too",
        shown="*",
    )
    admin_cors_origins: tuple[str, ...] = _setting(
        (), values.origins, "websites whose pages may use the admin routes; by default none"
    )
    context_check: Literal["refuse", "warn", "off"] = _setting(
        "refuse",
        values.choice("refuse", "warn", "off"),
        "what to do with a prompt that is too long for the model, which Ollama cuts silently",
    )
    max_output_tokens: int = _setting(
        8192, values.integer(1, 10_000_000), "maximum tokens in one answer"
    )
    max_body_bytes: int = _setting(
        20 * 1024**2, values.size, "maximum size of a request body", shown="20MiB"
    )
    upstream_concurrency: int = _setting(
        4, values.integer(1, 1024), "requests that each Ollama machine serves at the same time"
    )
    queue_limit: int = _setting(
        64,
        values.integer(0, 100_000),
        "requests that may wait for a free slot; "
        "to a full queue, keys with less than an equal part of it may add more",
    )
    heartbeat_seconds: float = _setting(
        15.0, values.seconds, "seconds of silence after which a heartbeat is sent to the client"
    )
    offline_grace_seconds: float = _setting(
        300.0,
        values.seconds_or_none,
        "seconds that known keys keep working while the database is away",
    )
    usage_retention_months: int = _setting(
        12, values.integer(2, 1200), "months to keep the request log; daily totals are kept forever"
    )
    allow_cloud_models: bool = _setting(
        False, values.boolean, "allow models that run in Ollama's cloud"
    )
    alert_urls: tuple[str, ...] = _setting(
        (),
        alert_addresses.alert_urls,
        "where to tell the owner of alerts, such as `ntfy://topic`; separate several with commas",
        secret=True,
    )
    alert_webhook: str = _setting(
        "", alert_addresses.alert_webhook, "address that is sent alerts as JSON", secret=True
    )
    alert_webhook_secret: str = _setting(
        "", alert_addresses.webhook_secret, "with which they are signed (`whsec_…`)", secret=True
    )

    @property
    def store(self) -> str:
        """supabase | postgres | embedded"""
        if self.supabase_url:
            return "supabase"
        return "postgres" if self.database_url else "embedded"

    @property
    def manages_keys(self) -> bool:
        """With a gateway token it only serves calls, and needs no admin secret either."""
        return not self.supabase_gateway_token


def names() -> list[str]:
    return [item.name.upper() for item in fields(Settings)]


def secret_names() -> list[str]:
    return [item.name.upper() for item in fields(Settings) if item.metadata["secret"]]


def variables() -> list[str]:
    """Every environment variable that is read: the settings, and NAME_FILE for each secret."""
    return [*names(), *(f"{name}_FILE" for name in secret_names())]


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """Read all settings. Raises SettingsError for the first one that is wrong."""
    environ = os.environ if environ is None else environ
    merged = {**read_dotenv(dotenv or Path(".env")), **environ}
    given: dict[str, Any] = {}
    for item in fields(Settings):
        name = item.name.upper()
        text = text_of(merged, name, item.metadata["secret"])
        if not text.strip():  # empty is the same as unset
            continue
        try:
            given[item.name] = item.metadata["parse"](text)
        except ValueError as problem:
            shown = "" if item.metadata["secret"] else f" ({values.without_password(text)!r})"
            raise SettingsError(f"{name}{shown} {problem}.") from None
    settings = Settings(**given)
    supabase_project.check(
        settings.supabase_url,
        settings.supabase_service_key,
        settings.supabase_publishable_key,
        settings.supabase_gateway_token,
    )
    if bool(settings.access_team) != bool(settings.access_audience):
        raise SettingsError("ACCESS_TEAM and ACCESS_AUDIENCE belong together: set both.")
    if bool(settings.alert_webhook) != bool(settings.alert_webhook_secret):
        raise SettingsError("ALERT_WEBHOOK and ALERT_WEBHOOK_SECRET belong together: set both.")
    return settings
