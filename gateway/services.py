"""What the parts of a running gateway share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core.figures import Figures
from gateway.core.record import Listeners
from gateway.http.authentication import Authenticator
from gateway.http.body_budget import BodyBudget
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.http.hosts import Hosts
from gateway.http.read_rate import ReadRate
from gateway.http.site_issuers import SiteIssuers
from gateway.http.visitors import Visitors
from gateway.overview.doctor import Doctor
from gateway.overview.events import Events
from gateway.overview.models import Models
from gateway.overview.refusals import Refusals
from gateway.overview.status import Status
from gateway.overview.store_figures import StoreFigures
from gateway.proxy.authorise import Authoriser
from gateway.proxy.health import Health
from gateway.proxy.outbox import Outbox
from gateway.proxy.pipeline import Pipeline
from gateway.proxy.presets import Presets
from gateway.proxy.verdict_cache import VerdictCache
from gateway.pulls.pulls import Pulls
from gateway.stores import Store
from tunnel.status_file import StatusWatcher


@dataclass
class Services:
    """Made once, by `app.make_services`.

    `has_tunnel`: whether a caller from this machine can be Cloudflare's edge. `watching`: who
    is told how something goes on, and what their heartbeats say.
    """

    settings: Settings
    store: Store
    pool: BackendPool
    scheduler: Scheduler
    outbox: Outbox
    tunnel: StatusWatcher
    has_tunnel: Callable[[], bool]
    listeners: Listeners
    figures: Figures
    hosts: Hosts
    failed_keys: FailedKeyLimiter
    visitors: Visitors
    site_issuers: SiteIssuers
    authenticator: Authenticator
    verdict_cache: VerdictCache
    authoriser: Authoriser
    bodies: BodyBudget
    read_rate: ReadRate
    presets: Presets
    pipeline: Pipeline
    pulls: Pulls
    health: Health
    status: Status
    store_figures: StoreFigures
    refusals: Refusals
    events: Events
    models: Models
    doctor: Doctor
    watching: dict[Exchange, str] = field(default_factory=dict[Exchange, str])
