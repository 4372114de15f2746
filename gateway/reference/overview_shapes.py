"""What the routes of the owner's overview answer, as structs: only the reference reads them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct


class LoggedRequest(Struct):
    """A request as the log has it. `route`: the path that was called. `backend`: the machine that
    served it, null where none did. `usage_source`: who counted the tokens; `charged_tokens`: what
    the key was charged of them."""

    id: UUID
    time: datetime
    api_key_id: UUID
    key_name: str | None
    visitor: UUID | None
    route: str
    model: str
    backend: str | None
    status: str
    usage_source: Literal["reported", "estimated", "none"]
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    charged_tokens: int
    ttft_ms: int | None
    duration_ms: int | None


class RequestPage(Struct):
    """The newest first; `next_cursor` is the cursor of the next page, null on the last."""

    object: Literal["list"]
    data: list[LoggedRequest]
    next_cursor: str | None


class RefusedRequest(Struct):
    """A request that was refused, or broken off with an error. `hint`: what its caller can do.
    `key` and `visitor` are null where the store was not asked whose it is; `prefix` is of the key
    that was shown."""

    time: datetime
    request_id: UUID
    route: str
    status: int
    code: str
    message: str
    hint: str | None
    key: "KeyLabel | None"
    prefix: str | None
    visitor: UUID | None
    model: str | None


class RefusalList(Struct):
    """The newest first; all on one page."""

    object: Literal["list"]
    data: list[RefusedRequest]
    next_cursor: None


class CancelledRequest(Struct):
    object: Literal["request"]
    id: UUID
    cancelled: Literal[True]


class KeyLabel(Struct):
    id: UUID | None
    name: str | None


class RunningRequest(Struct):
    """A request in flight. `place`: in the queue, null once it runs. Tokens are those so far, as
    they will be counted; `tokens_per_second` since the first one came."""

    id: UUID
    key: KeyLabel
    visitor: UUID | None
    route: str
    model: str
    backend: str | None
    stream: bool
    since: datetime
    place: int | None
    prompt_tokens: int
    completion_tokens: int
    tokens_per_second: float | None
    ttft_ms: int | None


class LoadedModel(Struct):
    """A model in memory: bytes, bytes of them on the GPU, tokens of context, and until when it
    stays."""

    model: str
    size: int
    size_vram: int
    context: int
    expires_at: str | None


class Machine(Struct):
    """A model server. `used` of its `slots` serve requests now."""

    name: str
    url: str
    kind: Literal["ollama", "openai", "demo", "unknown"]
    state: Literal["up", "down"]
    error: str | None
    slots: int
    used: int
    loaded: list[LoadedModel]


class LoadedHere(Struct):
    """Like `LoadedModel`, for one machine."""

    backend: str
    size: int
    size_vram: int
    context: int
    expires_at: str | None


class OwnersModel(Struct):
    """A model, and the machines that have it. What a machine does not tell is null. `preload`: it
    is one of `PRELOAD_MODELS`."""

    model: str
    size: int | None
    family: str | None
    parameters: str | None
    quantization: str | None
    modified_at: str | None
    backends: list[str]
    loaded: list[LoadedHere]
    preload: bool


class OwnersModelList(Struct):
    object: Literal["list"]
    data: list[OwnersModel]
    next_cursor: None


class DoctorFinding(Struct):
    """`text` says what to do where the state is not ok."""

    title: str
    state: Literal["ok", "warning", "failed"]
    text: str


class DoctorReport(Struct):
    object: Literal["doctor"]
    findings: list[DoctorFinding]


class Queue(Struct):
    waiting: int
    limit: int


class StoreFigures(Struct):
    kind: Literal["embedded", "postgres", "supabase"]
    state: Literal["up", "down"]
    latency_ms: float | None


class OutboxFigures(Struct):
    waiting: int
    oldest_seconds: float


class TunnelFigures(Struct):
    """`none`: localllm runs no tunnel here. `detail`: what keeps it from working."""

    state: Literal["up", "down", "none"]
    hostname: str | None
    detail: str | None


class UseFigures(Struct):
    requests: int
    total_tokens: int
    charged_tokens: int


class GatewayStatus(Struct):
    """One gateway now. `gateway`: the name of its machine; `gateways`: how many share its store.
    `address`: where programs call, without `/v1`. `today` and `month` (UTC): of all gateways and
    keys; null while the store has not told."""

    object: Literal["status"]
    time: datetime
    version: str
    started_at: datetime
    gateway: str
    gateways: int
    address: str
    running: list[RunningRequest]
    waiting: list[RunningRequest]
    backends: list[Machine]
    queue: Queue
    store: StoreFigures
    outbox: OutboxFigures
    tunnel: TunnelFigures
    today: UseFigures | None
    month: UseFigures | None
    default_model: str
