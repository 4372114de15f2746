"""What holds for all routes: the Markdown beside this file, with tables and numbers of the code."""

from pathlib import Path
from string import Template

from gateway.backends.client import WHOLE_PATIENCE
from gateway.config.settings_documents import rows
from gateway.dialects import all_absent
from gateway.dialects.shared import schemas
from gateway.dialects.shared.prompt import IMAGE_FLOOR, MESSAGE_OVERHEAD, PICTURE_BOUND
from gateway.dialects.shared.strict_json import MOST_NESTS, MOST_VALUES
from gateway.http.body import BODY_TIMEOUT, GRACE, SLOWEST
from gateway.http.cors import EXPOSED, MAX_AGE, METHODS
from gateway.http.exchange import GIVE_WAY, STUCK
from gateway.http.failed_keys import FAILURES, WINDOW
from gateway.http.middleware import MAX_HEADERS, MOST_LINES
from gateway.http.read_rate import PER_MINUTE
from gateway.proxy.prompt_estimate import BYTES_PER_TOKEN, PROMPT_OVERHEAD
from gateway.reference import guide_tables, lanes
from gateway.reference.examples import KEY
from gateway.reference.markdown import listed, table
from gateway.reference.table import ROUTES

_TEXT = Template(Path(__file__).with_suffix(".md").read_text("utf-8"))


def guide() -> str:
    """Markdown with headings of the second level. KeyError: the text names what is not here."""
    settings = {name: f"`{name}` ({shown})" for name, shown, _ in rows()}
    return _TEXT.substitute(
        settings,
        failures=FAILURES,
        window=f"{WINDOW / 60:.0f}",
        new_scopes=_named(KEY["scopes"]),
        scopes=lanes.scopes(),
        key_limits=lanes.limits(),
        body_timeout=f"{BODY_TIMEOUT:.0f}",
        body_grace=f"{GRACE:.0f}",
        slowest=f"{SLOWEST / 1024:.0f}",
        give_way=f"{GIVE_WAY:.0f}",
        reads=PER_MINUTE,
        most_values=f"{MOST_VALUES:,}",
        most_nests=f"{MOST_NESTS:,}",
        schema_bytes=f"{schemas.MOST_BYTES:,}",
        schema_depth=schemas.DEEPEST,
        schema_properties=f"{schemas.MOST_PROPERTIES:,}",
        schema_optional=schemas.MOST_OPTIONAL,
        schema_values=f"{schemas.MOST_VALUES:,}",
        schema_choices=str(schemas.MOST_CHOICES),
        schema_repeats=f"{schemas.MOST_REPEATS:,}",
        tool_properties=f"{schemas.MOST_OF_ALL_TOOLS:,}",
        max_headers=MAX_HEADERS // 1024,
        most_lines=MOST_LINES,
        whole=WHOLE_PATIENCE,
        stuck=f"{STUCK:.0f}",
        message_overhead=MESSAGE_OVERHEAD,
        picture_floor=f"{IMAGE_FLOOR:,}",
        picture_bound=f"{PICTURE_BOUND:,}",
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
