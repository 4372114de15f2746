"""The gateway and the Supabase function are asked the same, and answer the same.

Fixed requests, then random ones from a seed. Only ids, keys and times of making may differ, and
the words of an error: its status, type, code and `param` are what is promised.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.admin.calls import UNKNOWN, Owner, error
from tests.support.admin.fixtures import emptied
from tests.support.admin.servers import Admin
from tests.support.deno import needs_deno
from tests.support.paths import ROOT

pytestmark = needs_deno
VECTORS = ROOT / "tests/vectors"
FIELDS = json.loads((VECTORS / "fields.json").read_text("utf-8"))
HEADERS = (
    *("content-type", "allow", "retry-after", "vary", "access-control-allow-origin"),
    *("access-control-expose-headers", "access-control-allow-methods", "access-control-max-age"),
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ROUNDS = 300
NAMES = sorted(
    {vector["field"] for vector in FIELDS["kept"]} - {"id"} | {"other", "7", "Scopes", "visitors"}
)
VALUES = [None, True, 7, 7.0, 0.5, 1e300, 10**30, "7", "", [], ["7"], ["7", 7], {}, {"7": 7}, [[]]]

Request = tuple[str, str, bytes | None]  # `{0}` in the path: the id of the first key made


class Side:
    """One of the two, and the ids of the keys that it has made."""

    def __init__(self, admin: Admin, owner: Owner) -> None:
        self.name = admin.name
        self._owner = owner
        self.ids: list[str] = []

    def ask(self, request: Request, **headers: str) -> dict[str, Any]:
        method, path, body = request
        path = re.sub(r"\{(\d+)\}", lambda found: self._id(int(found[1])), path)
        answer = self._owner.ask(method, path, body, **headers)
        if answer.status_code == 201:
            self.ids.append(answer.json()["id"])
        kept = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
        return {"status": answer.status_code, "headers": kept, "body": self._plain(answer)}

    def _id(self, number: int) -> str:
        return self.ids[number % len(self.ids)] if self.ids else UNKNOWN

    def _plain(self, answer: httpx.Response) -> Any:
        """The body with a name in place of what may differ, in the order of its members."""
        if not answer.content:
            return None
        if answer.status_code >= 400:
            told = error(answer)
            assert told.pop("message"), answer.text
            return told
        text = UUID.sub(lambda found: self._named(found[0]), answer.text)
        return json.loads(text, object_pairs_hook=lambda pairs: [_plain(*pair) for pair in pairs])

    def _named(self, found: str) -> str:
        return f"id {self.ids.index(found)}" if found in self.ids else found


def _plain(name: str, value: Any) -> tuple[str, Any]:
    if name in {"created_at", "revoked_at"} and value is not None:
        return name, "a time"
    if name in {"key", "prefix"} and value is not None:
        return name, re.sub("_[0-9A-Za-z]+$", "_…", value)
    return name, value


@pytest.fixture
def both(gateway_side: Admin, function_side: Admin) -> Any:
    sides = [emptied(gateway_side), emptied(function_side)]
    with Owner(sides[0].url) as one, Owner(sides[1].url) as two:
        yield Side(sides[0], one), Side(sides[1], two)


def same(both: tuple[Side, Side], request: Request, **headers: str) -> dict[str, Any]:
    gateway, function = (side.ask(request, **headers) for side in both)
    assert function == gateway, request
    return gateway


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_fixed_requests_are_answered_alike(both: tuple[Side, Side]):
    statuses = [
        same(both, (method, path, content))["status"]
        for method, path, content in [
            ("POST", "/admin/api-keys", body(label="one")),
            ("POST", "/admin/api-keys", body(label="two", expires_at="2999-01-01T00:00:00.5Z")),
            ("GET", "/admin/api-keys?limit=1", None),
            ("GET", "/admin/api-keys?limit=1&cursor={0}", None),
            ("GET", "/admin/api-keys/?limit=3&limit=0&&x=%zz&", None),
            ("GET", "/admin/api-keys?limit=%31", None),
            ("GET", "/admin/api-keys?limit=+1", None),
            ("GET", "/admin/api-keys?cursor={0}%0a", None),
            ("PATCH", "/admin/api-keys/{0}/", body(label="uno")),
            ("POST", "/admin/api-keys/{0}/rotate/", body(grace_seconds=0)),
            ("PATCH", "/admin/api-keys/{0}", b'{"":1,"":2}'),
            ("POST", "/admin/api-keys/{0}/rotate", None),
            ("DELETE", "/admin/api-keys/{0}?x=y", b"not looked at"),
            ("POST", "/admin/api-keys/{0}/rotate", None),
            ("GET", "/admin/usage?api_key_id={1}&from=0001-01-01&to=9999-12-31", None),
            ("GET", "/admin/usage?from=9999-12-31", None),
            ("GET", "/admin/usage?to=0001-01-01", None),
            ("GET", "/admin/usage?to=9999-12-31&group_by=day", None),
            ("GET", "/admin/usage?group_by=model,day&from=0001-01-01&&", None),
            ("GET", "/admin/usage?group_by=day%2Cday&=", None),
            ("GET", "/admin/usage?from&to", None),
            ("GET", "/admin/usage?to=2026-01-01;from=2026-01-01", None),
            ("GET", "/admin/nothing%3Fat%20all%C3%A9%ff%zz", None),
            ("HEAD", "/admin/usage", None),
            ("OPTIONS", "/admin/anything", None),
            ("OPTIONS", "/admin//anything", None),
        ]
    ]
    assert statuses[:4] == [201, 201, 200, 200]
    same(both, ("GET", "/admin/usage", None), Origin="https://a.example")
    same(both, ("GET", "/admin/nothing", None), Origin="null")


def test_every_vector_of_a_field_is_answered_alike(both: tuple[Side, Side]):
    same(both, ("POST", "/admin/api-keys", body(label="x")))
    for vector in [*FIELDS["kept"], *FIELDS["refused"]]:
        field, given = vector["field"], vector["given"]
        if field != "id":
            same(both, ("PATCH", "/admin/api-keys/{0}", body(**{field: given})))
            same(both, ("POST", "/admin/api-keys", body(**{"label": "x", field: given})))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ('"rate_limit_per_min":1e17', "rate_limit_per_min"),  # no whole number any more
        ('"label":"","rate_limit_per_min":1e300', "rate_limit_per_min"),
        ('"label":"","rate_limit_per_min":99999999999999999', "label"),
        ('"label":"x","rate_limit_per_min":-' + "9" * 350, "rate_limit_per_min"),
        ('"label":"x","rate_limit_per_min":' + "9" * 401, None),
        ('"label":1e999,"label":"x"', None),
        ('"label":"x","visitors":{"by":["token"],"tokens_per_day":' + "9" * 350 + "}", "visitors"),
    ],
)
def test_a_long_number_is_refused_alike(both: tuple[Side, Side], members: str, param: str | None):
    told = same(both, ("POST", "/admin/api-keys", b"{%s}" % members.encode()))
    assert (told["status"], told["body"]["param"]) == (400, param)


def test_the_last_moment_of_the_calendar_is_one(both: tuple[Side, Side]):
    last = {"expires_at": "9999-12-31T23:59:59.999999Z"}
    for request in (
        ("POST", "/admin/api-keys", body(label="x", **last)),
        ("PATCH", "/admin/api-keys/{0}", body(**last)),
    ):
        assert ("expires_at", "9999-12-31T23:59:59Z") in same(both, request)["body"]


@pytest.mark.parametrize("seed", range(3))
def test_random_requests_are_answered_alike(both: tuple[Side, Side], seed: int):
    dice = random.Random(seed)
    met = {same(both, random_request(dice))["status"] for _ in range(ROUNDS // 3)}
    assert met >= {200, 201, 400, 404, 405}  # the dice reach all of them


def random_request(dice: random.Random) -> Request:
    method = dice.choice(["POST"] * 4 + ["GET"] * 2 + ["PATCH"] * 3 + ["DELETE", "PUT"])
    key = dice.choice(["{0}", "{1}", f"{{{dice.randrange(9)}}}", UNKNOWN, "x", "%C3%BC", "a%20b"])
    path = dice.choice(
        [
            *("/admin/api-keys", "/admin/api-keys", "/admin/api-keys", f"/admin/api-keys/{key}"),
            *(f"/admin/api-keys/{key}", f"/admin/api-keys/{key}/rotate", "/admin/usage"),
        ]
    )
    if method == "GET":
        path += random_query(dice, key)
    content = random_body(dice) if method in {"POST", "PATCH", "PUT"} else None
    return method, path, content


def random_query(dice: random.Random, key: str) -> str:
    values: dict[str, list[str]] = {
        "limit": ["1", "2", "1000", "0", "1001", "x", "", "01", "%31", "-1", "1e1"],
        "cursor": [key, UNKNOWN, "", "x", "%00", "%F0%9F%98%80", "a+b"],
        "from": ["2026-01-01", "2030-12-31", "2026-02-30", "", "x", "0001-01-01"],
        "to": ["2026-01-01", "2999-12-31", "2026-2-3", "%20", "9999-12-31"],
        "api_key_id": [key, UNKNOWN, "", "x"],
        "group_by": ["day", "month,key", "model,model", "key,", "", "%6Donth", "day+"],
        "other": ["1"],
    }
    names = dice.choices(list(values), k=dice.randrange(4))  # one may stand twice
    return "?" + "&".join(f"{name}={dice.choice(values[name])}" for name in names)


def random_body(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.choice(
            [b"", b"{}", b"[]", b"null", b" ", b"{", b'"x"', b"\xff", b"\xef\xbb\xbf{}"]
        )
    fields: dict[str, Any] = {"label": "a label"} if dice.random() < 0.7 else {}
    for _ in range(dice.randrange(4)):
        vector = dice.choice([*FIELDS["kept"] * 6, *FIELDS["refused"]])
        if vector["field"] != "id":
            fields[vector["field"]] = vector["given"]
    while dice.random() < 0.3:
        fields[dice.choice(NAMES)] = dice.choice(VALUES)
    if dice.random() < 0.2:
        fields = {"grace_seconds": dice.choice([0, 60, -1, 10**9, 1.5, "1", None, True])}
    if dice.random() < 0.1:
        fields[dice.choice(["Label", "id", "ſcopes", "", "grace_seconds"])] = 1
    content = json.dumps(fields, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    return dice.choice(MUTATIONS)(content, dice) if dice.random() < 0.3 else content


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def _changed(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(content))
    wrong = dice.choice([b'"', b"\\", b"}", b"[", b",", b".", b"1", b"e", b"\0", b"\xc3"])
    return content[:place] + wrong + content[place + 1 :]


def _twice(content: bytes, dice: random.Random) -> bytes:
    return content[:-1] + b',"label":"again"' + content[-1:]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [_cut, _changed, _twice]
