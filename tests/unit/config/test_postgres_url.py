"""DATABASE_URL as people have it: what it means is kept, and no part of a password is shown."""

import pytest

from gateway.config import settings
from gateway.config.postgres_url import postgres_url
from gateway.config.settings import SettingsError

PLAIN = "postgresql://u:p@127.0.0.1/db"
ODD = [
    "s3cr#t/x?",
    "p@ss",
    "a/b@c",
    "a:b",
    "12345",
    "12/3",
    "1?x",
    "p%zz",
    "q?user=x",
    "ü ",
    "[",
    "\\",
]
ENCODED = {"s3cr#t/x?": "s3cr%23t%2Fx%3F", "p@ss": "p%40ss", "ü ": "%C3%BC%20", "p%zz": "p%25zz"}


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f" {PLAIN}\n",
        "postgres://u:p@127.0.0.1/db",
        "postgresql+asyncpg://u:p@127.0.0.1/db",
        "postgresql+psycopg2://u:p@127.0.0.1/db",
        "jdbc:postgresql://u:p@127.0.0.1/db",
        "PostgreSQL://u:p@127.0.0.1/db",
        f"psql '{PLAIN}'",
        f'psql "{PLAIN}"',
        f"psql {PLAIN}",
        f"{PLAIN}?",
        f"{PLAIN}?channel_binding=require&pgbouncer=true&schema=public&connection_limit=5",
        f"{PLAIN}?gssencmode=disable&keepalives=1&connect_timeout=10&sslaccept=strict",
    ],
)
def test_one_url_has_many_spellings(text: str):
    assert postgres_url(text) == PLAIN


@pytest.mark.parametrize("password", ODD)
@pytest.mark.parametrize(
    "behind", ["127.0.0.1/db", "h.example:6543/db?sslmode=require", "[::1]:5/d"]
)
def test_an_odd_password_is_percent_encoded(password: str, behind: str):
    found = postgres_url(f"postgresql://u:{password}@{behind}")
    login, _, rest = found.removeprefix("postgresql://").partition("@")
    assert rest == behind
    assert login.startswith("u:")
    if password in ENCODED:
        assert login == f"u:{ENCODED[password]}"
    assert postgres_url(found) == found  # one that is encoded stays as it is


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("sslmode=require&channel_binding=require", "sslmode=require"),
        ("ssl=true", "sslmode=require"),
        ("sslmode=no-verify", "sslmode=require"),
        ("sslmode=VERIFY-FULL&sslrootcert=/a/b.crt", "sslmode=verify-full&sslrootcert=/a/b.crt"),
        ("options=-c%20search_path%3Dx", "options=-c%20search_path%3Dx"),
        ("options=endpoint%3Dep-1", "options=endpoint%3Dep-1"),
        ("application_name=me", "application_name=me"),
        ("user=a@server", "user=a%40server"),
        ("target_session_attrs=read-write", "target_session_attrs=read-write"),
    ],
)
def test_parameters_of_libpq_keep_their_meaning(query: str, kept: str):
    assert postgres_url(f"{PLAIN}?{query}") == f"{PLAIN}?{kept}"
    assert postgres_url(f"postgresql://h:5432/db?{query}") == f"postgresql://h:5432/db?{kept}"


def test_a_socket_and_several_hosts_are_places_too():
    assert postgres_url("postgresql:///db?host=/run/pg") == "postgresql:///db?host=/run/pg"
    several = "postgresql://u:p@a:1,b:2/db"
    assert postgres_url(several) == several


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mysql://u:SECRET@h/db", "should begin with postgresql://"),
        ("host=h password=SECRET", "should begin with postgresql://"),
        ("postgresql://u:SECRET@h:abc/db", "percent-encode"),
        ("postgresql://u:SECRET@h:99999/db", "percent-encode"),
        ("postgresql://u:SECRET@h/d/b", "percent-encode"),
        ("postgresql://u:SE CRET h/db", "percent-encode"),
        ("postgresql://u:SECRET/h", "percent-encode"),
        (f"{PLAIN}?sslmode=SECRET", "should have an sslmode that is one of disable,"),
        (f"{PLAIN}?nonsense=SECRET", "has the parameter 'nonsense', which is not known"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_without_the_password(text: str, words: str):
    with pytest.raises(SettingsError) as caught:
        settings.load({"DATABASE_URL": text})
    told = str(caught.value)
    assert told.startswith("DATABASE_URL ")
    assert words in told
    assert "SECRET" not in told
    assert "\n" not in told
