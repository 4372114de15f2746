"""The `x-ratelimit-…` headers of metered answers, as OpenAI's clients read them."""

import time
from datetime import datetime

from gateway.stores import Verdict, VisitorVerdict

RATE_HEADERS = (
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-remaining-requests",
    b"x-ratelimit-reset-requests",
    b"x-ratelimit-limit-tokens",
    b"x-ratelimit-remaining-tokens",
    b"x-ratelimit-reset-tokens",
)


def rate_headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """The x-ratelimit family; nothing for a key that is not known. A visitor is told their own
    limits, and nothing of the key's."""
    if verdict.visitor is not None:
        return _of_visitor(verdict.visitor)
    if verdict.rate_limit is None or verdict.token_limit is None:
        return []
    values = (
        verdict.rate_limit,
        verdict.rate_remaining or 0,
        duration(verdict.rate_reset_ms or 0),
        verdict.token_limit,
        max(0, verdict.tokens_remaining or 0),
        _until(verdict.month_resets_at),
    )
    return [(name, str(value).encode()) for name, value in zip(RATE_HEADERS, values, strict=True)]


def _of_visitor(told: VisitorVerdict) -> list[tuple[bytes, bytes]]:
    requests = tokens = ()
    if told.rate_limit is not None:
        requests = told.rate_limit, told.rate_remaining or 0, duration(told.rate_reset_ms or 0)
    if told.token_limit is not None:
        tokens = told.token_limit, told.tokens_remaining or 0, _until(told.day_resets_at)
    told_of = (
        *zip(RATE_HEADERS, requests, strict=False),
        *zip(RATE_HEADERS[3:], tokens, strict=False),
    )
    return [(name, str(value).encode()) for name, value in told_of]


def _until(moment: datetime | None) -> str:
    seconds = moment.timestamp() - time.time() if moment else 0
    return duration(max(0, round(seconds * 1000)))


def duration(milliseconds: int) -> str:
    """As OpenAI writes it: 12ms, 1s, 6m0s, 371h12m0s."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = -(-milliseconds // 1000)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{seconds % 60}s"
