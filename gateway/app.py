"""The composition root: which parts there are, and what each is given."""

from collections.abc import Sequence

from litestar import Litestar

from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core.figures import Figures
from gateway.core.record import Listeners
from gateway.dialects import all_dialects
from gateway.http.authentication import Authenticator
from gateway.http.body_budget import BodyBudget
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.http.hosts import Hosts
from gateway.http.middleware import Middleware
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
from gateway.proxy.health import Health, Parts
from gateway.proxy.outbox import FAR_LINGER, LINGER, Outbox
from gateway.proxy.pipeline import Pipeline
from gateway.proxy.presets import Presets
from gateway.proxy.verdict_cache import VerdictCache
from gateway.pulls.pulls import Pulls
from gateway.routes.account import account_routes
from gateway.routes.account_page import account_page_routes
from gateway.routes.admin import admin_routes
from gateway.routes.admin_doctor import admin_doctor_routes
from gateway.routes.admin_events import admin_event_routes
from gateway.routes.admin_models import admin_model_routes
from gateway.routes.admin_presets import admin_preset_routes
from gateway.routes.admin_requests import admin_request_routes
from gateway.routes.admin_status import admin_status_routes
from gateway.routes.console import console_routes
from gateway.routes.health import health_routes
from gateway.routes.metrics import metrics_routes
from gateway.routes.native import native_routes
from gateway.routes.pages import page_routes
from gateway.routes.proxied import ModelRoutes
from gateway.routes.pull import OLLAMA_PATH, PATH, pull_routes
from gateway.routes.support.answers import on_exception
from gateway.routes.visitor_tokens import visitor_token_routes
from gateway.services import Services
from gateway.stores import Settlement, Store
from gateway.telemetry.request_log import RequestLog
from gateway.telemetry.timed import timed
from tunnel.status_file import FOLDER, StatusWatcher


def make_services(settings: Settings, store: Store, pool: BackendPool) -> Services:
    """Everything that the routes and the background work share. OSError: DATA_DIR is unusable."""
    far = settings.store == "supabase"
    tunnel = StatusWatcher(settings.data_dir / FOLDER)
    scheduler = Scheduler(pool.backends, settings.queue_limit)
    verdict_cache = VerdictCache(store, overlap=far, grace=settings.offline_grace_seconds)
    linger = FAR_LINGER if far else LINGER
    figures = Figures({*(one.path for one in all_dialects()), PATH, OLLAMA_PATH})
    verdict_cache.took = figures.authorising.observe
    settle = timed(store.settle, figures.settling.observe)

    def taken(batch: Sequence[Settlement]) -> None:
        verdict_cache.counted(batch)
        events.taken(batch)

    outbox = Outbox(settings.data_dir / "outbox", settle, linger, taken)

    def has_tunnel() -> bool:
        return bool(tunnel.status or settings.tunnel_hostname)

    listeners = Listeners()
    listeners.add(figures)
    if settings.debug or settings.log_format == "json":
        listeners.add(RequestLog(settings, has_tunnel))
    failed_keys = FailedKeyLimiter(has_tunnel, settings.trusted_proxies)
    issuers = SiteIssuers(store.admin)
    visitors = Visitors(
        verdict_cache.keys.wants_claim, issuers, has_tunnel, settings.trusted_proxies
    )
    authenticator = Authenticator(failed_keys, verdict_cache.identify, visitors)
    authoriser = Authoriser(verdict_cache, failed_keys, outbox, visitors)
    presets = Presets(store, settings.offline_grace_seconds)
    bodies = BodyBudget(settings.max_body_bytes)
    read_rate = ReadRate()
    pipeline = Pipeline(
        settings,
        pool,
        scheduler,
        outbox,
        authenticator=authenticator,
        authoriser=authoriser,
        presets=presets,
        bodies=bodies,
        read_rate=read_rate,
    )
    parts = Parts(settings, store, pool, scheduler, outbox, tunnel, pipeline.in_flight)
    hosts = Hosts(settings, tunnel)
    store_figures = StoreFigures(store)
    status = Status(parts, hosts, store_figures)
    events = Events(status, store_figures, store)
    refusals = Refusals(failed_keys.has_worked)
    refusals.on_note = events.refused
    listeners.add(refusals)
    return Services(
        settings=settings,
        store=store,
        pool=pool,
        scheduler=scheduler,
        outbox=outbox,
        tunnel=tunnel,
        has_tunnel=has_tunnel,
        listeners=listeners,
        figures=figures,
        hosts=hosts,
        failed_keys=failed_keys,
        visitors=visitors,
        site_issuers=issuers,
        authenticator=authenticator,
        verdict_cache=verdict_cache,
        authoriser=authoriser,
        bodies=bodies,
        read_rate=read_rate,
        presets=presets,
        pipeline=pipeline,
        pulls=Pulls(settings.ollama_timeout),
        health=Health(parts),
        status=status,
        store_figures=store_figures,
        refusals=refusals,
        events=events,
        models=Models(settings, pool),
        doctor=Doctor(),
    )


def make_app(services: Services) -> Middleware:
    """The ASGI application around the services."""
    litestar = Litestar(
        route_handlers=[
            *account_routes(services),
            *visitor_token_routes(services),
            *pull_routes(services),
            *native_routes(services),
            *admin_routes(services),
            *admin_preset_routes(services),
            *admin_request_routes(services),
            *admin_status_routes(services),
            *admin_event_routes(services),
            *admin_model_routes(services),
            *admin_doctor_routes(services),
            *health_routes(services),
            *metrics_routes(services),
            *page_routes(services),
            *console_routes(services.settings),
            *account_page_routes(services),
        ],
        exception_handlers={Exception: on_exception},
        openapi_config=None,  # reference/openapi.py makes it: Litestar sees no raw ASGI routes
        debug=False,
        logging_config=None,  # the command line says how to log
    )
    return Middleware(
        ModelRoutes(services.pipeline, litestar),
        services.settings,
        services.has_tunnel,
        services.hosts,
        services.listeners,
    )
