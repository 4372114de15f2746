"""What a key may do: its scopes and its limits, as tables."""

from gateway.core.key_fields import SCOPES
from gateway.dialects.ollama import options, privileges
from gateway.reference.markdown import link, listed, table
from gateway.reference.notes import NOTES
from gateway.reference.table import ROUTES

_NO_LIMITS = {"label", "owner_email", "scopes"}  # of the fields of a key


def scopes() -> str:
    return table(("scope", "opens"), [(f"`{scope}`", _opened(scope)) for scope in SCOPES])


def limits() -> str:
    notes = NOTES["CreateKey"]
    names = [name for name in notes if name not in _NO_LIMITS]
    return table(
        ("limit of a key", "meaning"),
        [(f"`{name}`", str(notes[name]["description"])) for name in names],
    )


def _opened(scope: str) -> str:
    routes = (link(f"{one.method} {one.path}") for one in ROUTES if one.scope == scope)
    return ", ".join(routes) if scope != privileges.SCOPE else _native_fields()


def _native_fields() -> str:
    loading = [f"options.{name}" for name in options.LOADING]
    return (
        "on Ollama's own routes, the fields that change the machine for everybody or bypass the "
        f"model's template: {listed([*privileges.KEPT_BACK, *loading])}; and requests without a "
        "prompt, which load the model or unload it"
    )
