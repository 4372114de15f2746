"""Keys, and what they may do."""

from gateway.core.key_fields import SCOPES
from gateway.dialects.ollama import privileges
from gateway.http.failed_keys import FAILURES, WINDOW
from gateway.reference.blocks import Paragraph, Section, Table, listed
from gateway.reference.examples import KEY
from gateway.reference.frame import BASE
from gateway.reference.notes import NOTES
from gateway.reference.table import ROUTES

_NO_LIMITS = {"label", "owner_email", "scopes"}  # of the fields of a key


def keys() -> Section:
    clients = (
        ("OpenAI's, and what speaks its API", f"`{BASE}/v1`", "its API key"),
        ("Anthropic's", f"`{BASE}`", "its API key, or its auth token"),
        ("Ollama's", f"`{BASE}` as the host", "the header `Authorization: Bearer KEY`"),
        ("a browser, `curl`, anything else", f"`{BASE}`", "one of the two headers"),
    )
    return Section(
        "Keys",
        "keys",
        (
            Paragraph(
                "Send your key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`; of both the "
                "second counts. Clients work unchanged with another base URL and the key:"
            ),
            Table(("client", "base URL", "where the key goes"), clients),
            Paragraph(
                "The owner's routes below `/admin` take `X-Admin-Secret` instead. They do not "
                "answer through the tunnel unless the owner sets `ADMIN_THROUGH_TUNNEL`. Too many "
                "wrong secrets from one address lock it out for a while, whatever it sends then."
            ),
            Paragraph(
                f"An address that shows {FAILURES} keys that do not exist within "
                f"{WINDOW / 60:.0f} minutes gets 429 for the rest of them, but for keys that have "
                "worked here before."
            ),
        ),
    )


def lanes() -> Section:
    notes = NOTES["CreateKey"]
    limits = tuple(
        (f"`{name}`", str(note["description"]))
        for name, note in notes.items()
        if name not in _NO_LIMITS
    )
    return Section(
        "What a key may do",
        "lanes",
        (
            Paragraph(
                "Each key has scopes. A route that needs another one answers 403 "
                f"`permission_denied`. A new key has {_named(KEY['scopes'])}."
            ),
            Table(("scope", "opens"), tuple((f"`{scope}`", _opened(scope)) for scope in SCOPES)),
            Paragraph("The owner can narrow a key further, when it is made and at any time:"),
            Table(("limit of a key", "meaning"), limits),
        ),
    )


def _opened(scope: str) -> str:
    routes = (f"[{one.method} {one.path}](#{one.name})" for one in ROUTES if one.scope == scope)
    return ", ".join(routes) if scope != privileges.SCOPE else _native_fields()


def _native_fields() -> str:
    options = [f"options.{name}" for name in privileges.KEPT_BACK_OPTIONS]
    return (
        "on Ollama's own routes what changes the machine for everybody, or goes round the model's "
        f"template: {listed([*privileges.KEPT_BACK, *options])}, and requests with nothing for "
        "the model to read, which load it or drop it"
    )


def _named(names: list[str]) -> str:
    return " and ".join((", ".join(f"`{name}`" for name in names[:-1]), f"`{names[-1]}`"))
