"""What an owner sends to /admin."""

import json
from typing import Any, Self

import httpx

from tests.support.admin.servers import SECRET

UNKNOWN = "00000000-0000-4000-8000-000000000000"
MADE_AT = ("/admin/api-keys", "/admin/presets")
ROUTES = [
    ("POST", "/admin/api-keys"),
    ("GET", "/admin/api-keys"),
    ("PATCH", f"/admin/api-keys/{UNKNOWN}"),
    ("DELETE", f"/admin/api-keys/{UNKNOWN}"),
    ("POST", f"/admin/api-keys/{UNKNOWN}/rotate"),
    ("POST", "/admin/presets"),
    ("GET", "/admin/presets"),
    ("GET", "/admin/presets/faq"),
    ("PATCH", "/admin/presets/faq"),
    ("DELETE", "/admin/presets/faq"),
    ("GET", "/admin/usage"),
    ("GET", "/admin/requests"),
    ("GET", f"/admin/requests/{UNKNOWN}"),
]


class Owner:
    """A client with the secret. `address`: of this machine, where it calls from."""

    def __init__(self, url: str, secret: str | bytes = SECRET, address: str = "127.0.0.1") -> None:
        transport = httpx.HTTPTransport(local_address=address, verify=False)  # HTTP
        self.client = httpx.Client(
            base_url=url,
            transport=transport,
            timeout=60,
            trust_env=False,
            headers={"X-Admin-Secret": secret.encode() if isinstance(secret, str) else secret},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Bytes are sent as they are, all else as JSON; the path too is sent as it is."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = self.client.build_request(method, "/", content=content, headers=named)
        request.extensions["target"] = path.encode()
        return self.client.send(request)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of what has to succeed."""
        answer = self.ask(method, path, body)
        assert answer.status_code == (201 if path in MADE_AT and body else 200), answer.text
        return answer.json()

    def create(self, label: str = "a key", **fields: Any) -> Any:
        return self.done("POST", "/admin/api-keys", {"label": label, **fields})

    def listed(self, query: str = "") -> Any:
        return self.done("GET", f"/admin/api-keys{query}")


def error(answer: httpx.Response) -> dict[str, Any]:
    """The error, after a look at its form."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["content-type"] == "application/json"
    # The gateway's outermost ring refuses without the header.
    assert answer.headers.get("cache-control", "no-store") == "no-store"
    return body["error"]
