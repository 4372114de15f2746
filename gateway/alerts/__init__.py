"""What the owner is told of, once: keys near their limits, and parts that fail. docs/alerts.md.

`watch` goes round once a minute: `observer` says what this gateway sees, the store decides what is
new and who tells it (sql/helpers/alerts), `channels` lead to the owner. While the store is away,
`local` decides instead, for the gateways of one data directory.
"""

from datetime import datetime
from typing import Any

import msgspec


class Alert(msgspec.Struct, frozen=True):
    """As SQL `alert_json` has it. `state`: began or over. `level`: of a key's month 50, 80 or 100
    percent; towards a key's end 1 or 2; else 1. `about`: what its text is made of."""

    id: str
    time: datetime
    kind: str
    state: str
    level: int = 1
    about: dict[str, Any] = {}


class Delivery(Alert, frozen=True, kw_only=True):
    """An alert that shall be told through the channel of this name."""

    channel: str


class Seen(msgspec.Struct, frozen=True):
    """What this gateway sees of one thing: an element of SQL `watch_alerts(p_seen)`. `told`: the
    owner knows of it already."""

    topic: str
    kind: str
    holds: bool
    about: dict[str, Any]
    told: bool = False
