"""The ways to the owner that the settings name."""

from collections.abc import Callable
from typing import Protocol

from gateway.alerts import Alert
from gateway.alerts.by_apprise import LACKING, ByApprise
from gateway.config.extras import ALERTS, ExtraError
from gateway.config.settings import Settings


class Channel(Protocol):
    @property
    def name(self) -> str:
        """In the database and in lists. It says nothing of where the channel leads."""
        ...

    async def send(self, alert: Alert) -> str | None:
        """Why it was not delivered; None: it was. It takes no minute: see alert_lease.sql."""
        ...


def channels(settings: Settings) -> tuple[Channel, ...]:
    """In the order in which they are named."""
    found: list[Channel] = [
        ByApprise(number, url) for number, url in enumerate(settings.alert_urls, 1)
    ]
    if settings.alert_webhook:
        from gateway.alerts.webhook import Webhook  # and with it httpx: 10 MB

        found.append(Webhook(settings.alert_webhook, settings.alert_webhook_secret))
    return tuple(found)


async def install_if_needed(settings: Settings, report: Callable[[str], None]) -> None:
    """What ALERT_URLS needs. Raises ExtraError, which names the extra."""
    if settings.alert_urls and not ALERTS.is_installed():
        report("Installing what sends alerts (once).")
        try:
            await ALERTS.install()
        except ExtraError as problem:
            raise ExtraError(f"{LACKING}: {problem}") from None
