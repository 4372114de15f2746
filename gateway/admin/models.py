"""What the owner may ask of a model."""

import msgspec


class ModelOfMachine(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /admin/models/load` and `/unload`. `backend`: the name of one machine; left
    out: all that have the model."""

    model: str
    backend: str | None = None
