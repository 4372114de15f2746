"""What an owner writes into a key is refused by name, or kept in one canonical form."""

from datetime import UTC, datetime

import pytest

from gateway.admin.fields import InvalidField, check_changes, identifier, origin


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://example.com", "https://example.com"),
        (" HTTPS://Example.COM/ ", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, kept: str) -> None:
    assert origin(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "https://",
        "https://a.example/path",
        "https://a.example?x",
        "https://u@a.example",
        "https://a.example:99999",
        "https://a b",
        "https://[::1",
        "null",
        "//a.example",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="list of origins"):
        origin(text)


def test_a_list_loses_what_it_says_twice_and_an_empty_one_allows_all() -> None:
    kept = check_changes({"allowed_models": ["Llama3", "llama3:latest"], "allowed_origins": []})
    assert kept == {"allowed_models": ["llama3:latest"], "allowed_origins": None}
    assert check_changes({"allowed_origins": ["https://a.example", "*"]}) == {
        "allowed_origins": None
    }


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2999-01-31", datetime(2999, 1, 31, tzinfo=UTC)),
        ("2999-01-31T12:00:00Z", datetime(2999, 1, 31, 12, tzinfo=UTC)),
        ("2999-01-31T12:00:00+02:00", datetime(2999, 1, 31, 10, tzinfo=UTC)),
        ("2999-01-31 12:00", datetime(2999, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_a_time_is_iso_8601_and_utc_where_no_zone_is_named(text: str, kept: datetime) -> None:
    assert check_changes({"expires_at": text}) == {"expires_at": kept}


def test_a_new_key_cannot_have_expired_but_an_old_one_may_be_made_to() -> None:
    past = {"expires_at": "2001-01-01"}
    assert check_changes(past)["expires_at"].year == 2001
    with pytest.raises(InvalidField, match=r"^expires_at lies in the past\.$"):
        check_changes(past, future=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", ""),
        ("label", "  "),
        ("label", "a\x00b"),
        ("label", "\ud800"),
        ("label", None),
        ("owner_email", "a@"),
        ("owner_email", "a b@c"),
        ("rate_limit_per_min", 0),
        ("rate_limit_per_min", 1_000_001),
        ("rate_limit_per_min", None),
        ("monthly_token_limit", -1),
        ("monthly_token_limit", 10**12 + 1),
        ("allowed_models", ["a/b/c/d"]),
        ("allowed_models", [""]),
        ("allowed_models", ["m"] * 101),
        ("allowed_origins", ["x"]),
        ("scopes", []),
        ("scopes", ["chat", "root"]),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", "31.1.2030"),
    ],
)
def test_a_wrong_value_names_its_field(name: str, value: object) -> None:
    with pytest.raises(InvalidField) as caught:
        check_changes({name: value})
    assert caught.value.name == name
    assert str(caught.value).startswith(f"{name} ")


def test_an_id_is_a_uuid() -> None:
    with pytest.raises(InvalidField, match="id"):
        identifier("1; drop table")
