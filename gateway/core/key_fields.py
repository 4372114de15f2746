"""What the fields of a key may hold, in the words of JSON Schema: the one table of these bounds.

Checks, settings and reference read it here, the Supabase function a copy of the same file. Postgres
has them as constraints, which a test holds to the table.
"""

import json
from pathlib import Path
from typing import Any

BOUNDS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text("utf-8")
)
SCOPES: tuple[str, ...] = tuple(BOUNDS["scopes"]["items"]["enum"])


def span(name: str) -> tuple[int, int]:
    """The least and the most that a number may be."""
    return BOUNDS[name]["minimum"], BOUNDS[name]["maximum"]
