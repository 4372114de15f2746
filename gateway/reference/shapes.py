"""What the routes answer, as structs: only the reference reads them, tests hold answers to them."""

from datetime import date, datetime
from datetime import date as day
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field


class Model(Struct):
    id: str
    object: str | None
    created: int | None
    owned_by: str | None


class ModelList(Struct):
    """The models that this key can use."""

    object: Literal["list"]
    data: list[Model]


class UsageRow(Struct):
    """What one key used of one model on one day (UTC)."""

    date: date
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class UsageTotal(Struct):
    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class UsageGroup(Struct):
    """What was used, added up. Of `month`, `date`, `hour` (when it began), `api_key_id`, `model`
    and `visitor` it has those by which that was done: date, key and model unless `group_by` says
    so. `visitor_name`: as the website calls the visitor, where its key keeps names, for 35 days
    after the last call; not with `hour`."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    month: str | UnsetType = UNSET
    date: day | UnsetType = UNSET
    hour: datetime | UnsetType = UNSET
    api_key_id: UUID | UnsetType = UNSET
    model: str | UnsetType = UNSET
    visitor: UUID | UnsetType = UNSET
    visitor_name: str | UnsetType | None = UNSET


class KeyName(Struct):
    id: UUID
    label: str
    prefix: str


class KeyLimits(Struct):
    rate_limit_per_min: int
    monthly_token_limit: int


class Month(Struct):
    """`tokens_held` is what the requests that run now may cost at most."""

    tokens_used: int
    tokens_held: int
    tokens_remaining: int
    requests: int
    resets_at: datetime


class UsageReport(Struct):
    """One key's limits, its month to date, and its use `by_day` and model; with `group_by` the
    other fields take its place."""

    key: KeyName
    limits: KeyLimits
    month: Month
    by_day: list[UsageRow] | UnsetType = UNSET
    first: day | UnsetType = field(default=UNSET, name="from")
    to: day | UnsetType = UNSET
    group_by: list[str] | UnsetType = UNSET
    data: list[UsageGroup] | UnsetType = UNSET
    total: UsageTotal | UnsetType = UNSET


class VisitorToken(Struct):
    """The only answer that ever holds the token itself."""

    token: str
    expires_at: datetime
    visitor: str


class Key(Struct):
    """A key as the owner sees it. The key itself is not stored, only its SHA-256."""

    id: UUID
    prefix: str
    label: str
    owner_email: str | None
    rate_limit_per_min: int
    monthly_token_limit: int
    max_output_tokens: int | None
    tokens_used_month: int
    month_reset_at: datetime
    is_active: bool
    scopes: list[str]
    allowed_models: list[str] | None
    allowed_origins: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    visitors: dict[str, Any] | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKey(Key, kw_only=True):
    """The only answer that ever holds the key itself."""

    key: str
    message: str


class KeyPage(Struct):
    """Oldest first; `next` is the cursor of the next page, null on the last."""

    data: list[Key]
    next: str | None


class PresetSummary(Struct):
    """A preset in a list: without its prompt and its template."""

    name: str
    version: int
    model: str
    parameters: dict[str, Any]
    variables: dict[str, dict[str, Any]]
    locked: bool
    created_at: datetime
    updated_at: datetime


class Preset(PresetSummary, kw_only=True):
    """A preset as the owner sees it. Callers see its name."""

    system: str
    template: str | None


class PresetVersion(Struct):
    version: int
    updated_at: datetime


class PresetDetails(Preset, kw_only=True):
    """`versions`: those that are kept, the newest first."""

    versions: list[PresetVersion]


class PresetList(Struct):
    """All presets, by name."""

    data: list[PresetSummary]


class UsagePage(Struct):
    """Use by day, key and model; the other fields come with `group_by`."""

    data: list[UsageGroup]
    first: day | UnsetType = field(default=UNSET, name="from")
    to: day | UnsetType = UNSET
    group_by: list[str] | UnsetType = UNSET
    total: UsageTotal | UnsetType = UNSET


class StoreState(Struct):
    kind: Literal["embedded", "postgres", "supabase"]
    state: Literal["ok", "unavailable"]


class MachineState(Struct):
    """`running`: requests that it is serving."""

    state: Literal["ok", "unavailable"]
    running: int


class ModelServerState(Struct):
    """`demo`: the built-in model answers, because no Ollama does. `machines`: each of several,
    `ollama-1` and so on in the order of the setting; `degraded`: some of them do not answer."""

    state: Literal["ok", "degraded", "unavailable"]
    demo: bool
    machines: dict[str, MachineState] | UnsetType = UNSET


class TunnelState(Struct):
    """`external`: cloudflared runs without localllm, so nothing is known of it. `failed`: it can
    never work as set up. `problem`: what keeps it from working, and what its owner can do."""

    state: Literal[
        "off",
        "starting",
        "connected",
        "reconnecting",
        "restarting",
        "stopping",
        "failed",
        "external",
    ]
    problem: str | UnsetType = UNSET


class OutboxState(Struct):
    """Counted requests that the database has not taken yet."""

    state: str
    waiting: int
    oldest_seconds: float


class QueueState(Struct):
    running: int
    waiting: int


class HealthState(Struct):
    """The state of the parts; `unavailable` when requests cannot be served."""

    status: Literal["ok", "degraded", "unavailable"]
    store: StoreState
    ollama: ModelServerState
    tunnel: TunnelState
    outbox: OutboxState
    queue: QueueState
