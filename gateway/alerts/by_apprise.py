"""ALERT_URLS: ntfy, Discord, Slack, Telegram, e-mail and what else Apprise knows.

Apprise is an extra, loaded when it is used, and it blocks: it works in a thread. What it logs can
hold parts of an address, so nothing of it is shown but the status of an answer.
"""

import asyncio
import logging
import re
import warnings
from typing import Any

from gateway.alerts import Alert
from gateway.alerts.texts import TITLE, text
from gateway.config.extras import ALERTS
from gateway.core.daemon_thread import in_daemon_thread

LACKING = "ALERT_URLS needs the extra `alerts` (Apprise), which is not installed"
_SECONDS = 30.0  # for a whole attempt
_ERROR = re.compile(r"error[= ](\d{3})\b")


class ByApprise:
    """A channel. Its name has the number of the address in ALERT_URLS, and what kind it is."""

    def __init__(self, number: int, url: str) -> None:
        self.name = f"{number}:{url.partition('://')[0].lower()}"
        self._url = url

    async def send(self, alert: Alert) -> str | None:
        """Why it was not delivered; None: it was."""
        if not await asyncio.to_thread(ALERTS.is_installed):
            return LACKING
        said = text(alert)
        try:
            async with asyncio.timeout(_SECONDS):
                return await in_daemon_thread(lambda: _send(self._url, alert.state, said))
        except TimeoutError:
            return "no answer in time"


def problem_of(url: str) -> str | None:
    """Why Apprise cannot use an address; None: it can. Sends nothing, but blocks while it loads."""
    return None if _made(url) else "is none that Apprise can use; the forms: https://appriseit.com"


def _send(url: str, state: str, said: str) -> str | None:
    made = _made(url)
    if made is None:
        return "the address is none that Apprise can use"
    from apprise import Apprise, NotifyFormat, NotifyType

    kind = NotifyType.SUCCESS if state == "over" else NotifyType.WARNING
    sender: Any = Apprise(made)
    result = sender.notify(
        body=said,
        title=TITLE,
        notify_type=kind,
        body_format=NotifyFormat.TEXT,
        timeout=_SECONDS - 5,
    )
    if result:
        return None
    statuses = [status for one in result.logs() for status in _ERROR.findall(one.message)]
    return f"it answered {statuses[-1]}" if statuses else "it was not taken: can it be reached?"


def _made(url: str) -> Any:
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    # One of all its plugins, which it loads together, asks for it (Python 3.11 and 3.12).
    warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    asset: Any = AppriseAsset(
        app_id=TITLE,
        app_desc="",
        app_url="",
        async_mode=False,
        storage_mode=PersistentStoreMode.MEMORY,
    )
    make: Any = Apprise.instantiate  # type: ignore[reportUnknownMemberType] # it has half a type
    return make(url, asset=asset)
