"""The list of models as Anthropic's clients read it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

VERSION_HEADER = "anthropic-version"  # tells its clients from OpenAI's at the path that both call


class ModelInfo(Struct):
    """`display_name`: models here have no other name than their id."""

    id: str
    display_name: str
    created_at: datetime  # the epoch where nobody knows, as Anthropic documents it
    type: Literal["model"] = "model"


class ModelPage(Struct):
    """All models are on one page, whatever `limit` says: there is no other."""

    data: list[ModelInfo]
    first_id: str | None
    last_id: str | None
    has_more: Literal[False] = False


def model_info(model: dict[str, Any]) -> ModelInfo:
    """Of a model as OpenAI's clients are told it: `id`, and `created` in seconds or null."""
    seconds = model.get("created")
    try:
        created = datetime.fromtimestamp(seconds if isinstance(seconds, int) else 0, UTC)
    except (ValueError, OverflowError, OSError):
        created = datetime.fromtimestamp(0, UTC)
    return ModelInfo(model["id"], model["id"], created)


def model_page(models: Sequence[dict[str, Any]]) -> ModelPage:
    """The same of several."""
    data = [model_info(model) for model in models]
    ids = [model.id for model in data] or [None]
    return ModelPage(data, ids[0], ids[-1])
