"""The models that a key may use, of all machines."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct

from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.core.model_names import requested_name
from gateway.routes.support.key_holder import refused_model
from gateway.services import Services
from gateway.stores import Identity

Shape = TypeVar("Shape", bound=Struct)
Entry = TypeVar("Entry")


async def usable_models(
    services: Services,
    identity: Identity,
    path: str,
    shape: type[Shape],
    entries: Callable[[Shape], Iterable[tuple[str, Entry]]],
) -> list[Entry] | Refusal:
    """What the machines list at `path`, less what this key or this server does not allow. A model
    that several have is listed once, as the first of them tells it. `entries`: names and entries
    of one list. A machine whose list is no use is passed over, unless there is no other."""
    told = await services.pool.each(path)
    if isinstance(told, Refusal):
        return told
    usable: dict[str, Entry] = {}
    problem: Refusal | None = None
    for backend, answer in told:
        listed = decode(answer, shape)
        if listed is None:
            problem = problem or Refusal(
                "upstream_error", f"What the model server says at {path} cannot be read."
            )
            continue
        for name, entry in entries(listed):
            refusal = await refused_model(services, name, identity, among=(backend,))
            if refusal is None:
                usable.setdefault(requested_name(name), entry)
            elif refusal.kind.status >= 500:  # it is not known which of them are of the cloud
                problem = problem or refusal
                break
    return list(usable.values()) or problem or []
