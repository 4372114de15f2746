"""An error as PostgREST words it: four fields, the status of its table, a header with the code."""

from tests.support.postgrest.calls import Refused, json_reply
from tests.support.postgrest.statuses import status_of


def problem(
    code: str,
    message: str,
    details: str | None = None,
    hint: str | None = None,
    *,
    anonymous: bool = False,
) -> Refused:
    """An exception to raise."""
    status = status_of(code, message, anonymous=anonymous)
    headers = [("proxy-status", f"PostgREST; error={code}")]
    if status == 401:
        why = f' error="invalid_token", error_description="{message}"'
        headers.append(("www-authenticate", "Bearer" + why * code.startswith("PGRST3")))
    if status == 503:
        headers.append(("retry-after", "1"))
    body = {"code": code, "details": details, "hint": hint, "message": message}
    return Refused(json_reply(status, body, *headers))
