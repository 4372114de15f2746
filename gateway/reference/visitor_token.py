"""What `POST /v1/visitor-tokens` takes."""

import msgspec

SHORTEST, LONGEST = 10, 86_400  # seconds that a token lives
MOST = 10**9  # uses, and tokens of an answer


class VisitorTokenRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`visitor`: who it is to the website, in any words: a number of its own, a name. All tokens of
    a visitor share one day. What is left out, or null, is as the key has it."""

    visitor: str
    expires_in: int = 600
    uses: int | None = None
    max_output_tokens: int | None = None
    models: list[str] | None = None
    origin: str | None = None
