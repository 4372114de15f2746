"""The `x-ratelimit-…` headers of metered answers, as OpenAI's clients read them."""

import time

from gateway.stores import Verdict

RATE_HEADERS = (
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-remaining-requests",
    b"x-ratelimit-reset-requests",
    b"x-ratelimit-limit-tokens",
    b"x-ratelimit-remaining-tokens",
    b"x-ratelimit-reset-tokens",
)


def rate_headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """The x-ratelimit family; nothing for a key that is not known."""
    if verdict.rate_limit is None or verdict.token_limit is None:
        return []
    until_reset = 0
    if verdict.month_resets_at is not None:
        until_reset = max(0, round((verdict.month_resets_at.timestamp() - time.time()) * 1000))
    values = (
        verdict.rate_limit,
        verdict.rate_remaining or 0,
        duration(verdict.rate_reset_ms or 0),
        verdict.token_limit,
        max(0, verdict.tokens_remaining or 0),
        duration(until_reset),
    )
    return [(name, str(value).encode()) for name, value in zip(RATE_HEADERS, values, strict=True)]


def duration(milliseconds: int) -> str:
    """As OpenAI writes it: 12ms, 1s, 6m0s, 371h12m0s."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = -(-milliseconds // 1000)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{seconds % 60}s"
