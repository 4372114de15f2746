"""What holds for all routes: guide.md, with the tables and numbers that the code knows."""

from pathlib import Path
from string import Template

from gateway.backends.client import WHOLE
from gateway.config.settings import rows
from gateway.core.key_fields import SCOPES
from gateway.dialects import all_absent
from gateway.dialects.ollama import privileges
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD
from gateway.dialects.shared.strict_json import MOST_NESTS, MOST_VALUES
from gateway.http.exchange import BODY_TIMEOUT, STUCK
from gateway.http.failed_keys import FAILURES, WINDOW
from gateway.http.middleware import EXPOSED, MAX_AGE, MAX_HEADERS, METHODS
from gateway.proxy.meter import BYTES_PER_TOKEN, PROMPT_OVERHEAD
from gateway.reference import guide_tables
from gateway.reference.examples import KEY
from gateway.reference.markdown import link, listed, table
from gateway.reference.notes import NOTES
from gateway.reference.table import ROUTES

_TEXT = Template(Path(__file__).with_suffix(".md").read_text("utf-8"))
_NO_LIMITS = {"label", "owner_email", "scopes"}  # of the fields of a key


def guide() -> str:
    """Markdown with headings of the second level. KeyError: guide.md names what is not here."""
    settings = {name: f"`{name}` ({shown})" for name, shown, _ in rows()}
    return _TEXT.substitute(
        settings,
        failures=FAILURES,
        window=f"{WINDOW / 60:.0f}",
        new_scopes=_named(KEY["scopes"]),
        scopes=table(("scope", "opens"), [(f"`{scope}`", _opened(scope)) for scope in SCOPES]),
        key_limits=_key_limits(),
        body_timeout=f"{BODY_TIMEOUT:.0f}",
        most_values=f"{MOST_VALUES:,}",
        most_nests=f"{MOST_NESTS:,}",
        max_headers=MAX_HEADERS // 1024,
        whole=WHOLE,
        stuck=f"{STUCK:.0f}",
        message_overhead=MESSAGE_OVERHEAD,
        metering=guide_tables.metering(),
        metering_notes=guide_tables.metering_notes(),
        bytes_per_token=BYTES_PER_TOKEN,
        prompt_overhead=PROMPT_OVERHEAD,
        uncounted=guide_tables.uncounted(),
        framings=guide_tables.framings(),
        heartbeat=next(shown for name, shown, _ in rows() if name == "HEARTBEAT_SECONDS"),
        stream_ends=guide_tables.stream_ends(),
        broken_streams=guide_tables.broken_streams(),
        headers=guide_tables.headers(),
        methods=METHODS.decode(),
        max_age=MAX_AGE,
        exposed=EXPOSED.decode(),
        openai_error=guide_tables.error_form("/v1/chat/completions"),
        anthropic_error=guide_tables.error_form("/v1/messages"),
        ollama_error=guide_tables.error_form("/api/chat"),
        errors=guide_tables.errors(),
        anthropic_types=guide_tables.anthropic_types(),
        native_routes=listed(
            f"{one.method} {one.path}" for one in ROUTES if "not_supported" in one.refusals
        ),
        absent=table(
            ("path", "why it is not there"),
            [(f"`{path}`", why) for path, why in all_absent().items()],
        ),
    )


def _named(names: list[str]) -> str:
    return f"{listed(names[:-1])} and `{names[-1]}`"


def _opened(scope: str) -> str:
    routes = (link(f"{one.method} {one.path}") for one in ROUTES if one.scope == scope)
    return ", ".join(routes) if scope != privileges.SCOPE else _native_fields()


def _native_fields() -> str:
    options = [f"options.{name}" for name in privileges.KEPT_BACK_OPTIONS]
    return (
        "on Ollama's own routes, the fields that change the machine for everybody or bypass the "
        f"model's template: {listed([*privileges.KEPT_BACK, *options])}; and requests without a "
        "prompt, which load the model or unload it"
    )


def _key_limits() -> str:
    notes = NOTES["CreateKey"]
    limits = [name for name in notes if name not in _NO_LIMITS]
    return table(
        ("limit of a key", "meaning"),
        [(f"`{name}`", str(notes[name]["description"])) for name in limits],
    )
