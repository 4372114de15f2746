"""The owner's console in a browser, already logged in."""

import json
from contextlib import AbstractAsyncContextManager

from tests.support.browser import Browser
from tests.support.callers import ADMIN_SECRET
from tests.support.page import Page, opened

LOGGED_IN = f"sessionStorage.setItem('localllm.secret', {json.dumps(ADMIN_SECRET)});"
HOSTILE = "<script>hit = 1</script><img src=x onerror='hit = 1'>"


def console(
    chromium: Browser,
    url: str,
    place: str,
    *,
    width: int = 1280,
    scheme: str = "light",
    before: str = "",
) -> AbstractAsyncContextManager[Page]:
    """The page at `#/place`. `before`: a script that runs before its own."""
    address = f"{url}/console#/{place}"
    return opened(chromium, address, width=width, scheme=scheme, before=LOGGED_IN + before)
