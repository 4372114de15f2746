"""The parameters of a route of the owner's, each known and given once.

The TypeScript twin is `supabase/functions/admin/query.ts`; the contract suite asks both alike.
"""

from collections.abc import Collection
from urllib.parse import parse_qsl

from gateway.core.errors import Refusal


def parameters(query: bytes, known: Collection[str]) -> dict[str, str] | Refusal:
    """By name, in the order in which they are given."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            return Refusal("invalid_request", f"The parameters here are {', '.join(known)}.")
        if name in given:
            return Refusal("invalid_request", f"The parameter '{name}' is given twice.", param=name)
        given[name] = value
    return given
