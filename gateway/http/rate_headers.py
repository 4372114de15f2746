"""The `x-ratelimit-…` headers of metered answers, as OpenAI's clients read them."""

import time

from gateway.stores import Verdict


def rate_headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """The x-ratelimit family; nothing for a key that is not known."""
    if verdict.rate_limit is None or verdict.token_limit is None:
        return []
    until_reset = 0
    if verdict.month_resets_at is not None:
        until_reset = max(0, round((verdict.month_resets_at.timestamp() - time.time()) * 1000))
    values = {
        "limit-requests": verdict.rate_limit,
        "remaining-requests": verdict.rate_remaining or 0,
        "reset-requests": duration(verdict.rate_reset_ms or 0),
        "limit-tokens": verdict.token_limit,
        "remaining-tokens": max(0, verdict.tokens_remaining or 0),
        "reset-tokens": duration(until_reset),
    }
    return [(f"x-ratelimit-{k}".encode(), f"{v}".encode()) for k, v in values.items()]


def duration(milliseconds: int) -> str:
    """As OpenAI writes it: 12ms, 1s, 6m0s, 371h12m0s."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = -(-milliseconds // 1000)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{seconds % 60}s"
