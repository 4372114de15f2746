"""Whether the owner can be told of alerts. Nothing is sent: `localllm alerts test` does."""

from gateway.checks.finding import Finding, fail, ok
from gateway.config.settings import Settings
from gateway.core.daemon_thread import in_daemon_thread


async def alerts(loaded: Settings) -> Finding:
    from gateway.alerts.by_apprise import LACKING, problem_of
    from gateway.alerts.channels import channels
    from gateway.config.extras import ALERTS

    found = channels(loaded)
    if not found:
        return ok("alerts", "nobody is told of alerts; to change that: ALERT_URLS (docs/alerts.md)")
    if loaded.alert_urls and not ALERTS.is_installed():
        return fail("alerts", f"{LACKING} yet: start the gateway, or run: localllm alerts test")
    problems = await in_daemon_thread(lambda: [problem_of(url) for url in loaded.alert_urls])
    for number, problem in enumerate(problems, 1):
        if problem:
            return fail("alerts", f"address {number} of ALERT_URLS {problem}")
    names = ", ".join(one.name for one in found)
    return ok("alerts", f"told by {names}; to try: localllm alerts test")
