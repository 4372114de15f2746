"""A token is read strictly, in one way only, and what is no token costs no look at any key."""

import base64

import pytest

from gateway.http.jwt.results import Problem
from gateway.http.jwt.tokens import LONGEST, Token, looks_like_one, parse
from tests.support.jwt_issuer import part

HEADER = {"alg": "ES256", "kid": "first", "typ": "JWT"}
GOOD = f"{part(HEADER)}.{part({'sub': 'someone'})}.{part('signature')}"


def headed(**more: object) -> str:
    head = {name: value for name, value in {**HEADER, **more}.items() if value is not None}
    return f"{part(head)}.{part({})}.AAAA"


def why(text: str | bytes) -> str:
    found = parse(text)
    return found.why if isinstance(found, Problem) else ""


def test_a_token_is_cut_into_its_parts() -> None:
    signed = GOOD.rpartition(".")[0].encode()
    expected = Token("ES256", "first", {"sub": "someone"}, signed, b"signature")
    assert parse(GOOD) == parse(GOOD.encode()) == expected


def test_a_token_is_known_from_a_key_of_this_server() -> None:
    assert looks_like_one(GOOD)
    assert not looks_like_one("sk-llm_7Yd0pQq")
    assert not looks_like_one("eyJhbGciOi")
    assert not looks_like_one("eyJhbGciOi.\xff.x")  # a header may hold any byte, a token may not


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            ".",
            "..",
            "a.b.c",
            "Bearer x",
            "e30.e30.e30",
            "e30.e30",
            "\0.\0.\0",
            "\ud800..",
        ),
        *(b"\xff\xfe.\xff.\xff", f"{GOOD}.", f" {GOOD}", f"{GOOD}\n", f"{GOOD}=", f".{GOOD}"),
        f"{GOOD}.AAAA.AAAA",  # five parts: encrypted (JWE)
    ],
)
def test_garbage_is_no_token(text: str | bytes) -> None:
    assert why(text)


def test_one_byte_too_many_is_too_long() -> None:
    filled = f"{part(HEADER)}.{part({})}."
    whole = filled + "A" * (LONGEST - len(filled) - (LONGEST - len(filled)) % 4)
    assert why(whole) == ""
    assert "longer than 8192 bytes" in why(whole + "A" * 5)


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"ES256","alg":"none"}',
        '{"alg":"ES256","kid":"a","kid":"b"}',
        '{"alg":"ES256","x":{"a":1,"a":2}}',
        '{"alg":"ES256","x":NaN}',
        '[{"alg":"ES256"}]',
        '"ES256"',
        "\ufeff" + '{"alg":"ES256"}',
        '{"alg":"ES256"} {}',
    ],
)
def test_json_that_can_be_read_in_two_ways_is_not_read(header: str) -> None:
    assert why(f"{part(header)}.{part({})}.AAAA") == "is no JWT: its header cannot be read"
    claims = f"{part(HEADER)}.{part(header)}.AAAA"
    assert why(claims) == "is no JWT: its claims cannot be read"


def test_however_deep_a_token_is_nested_it_does_no_harm() -> None:
    deep = '{"alg":"ES256","x":' + "[" * 3000 + "]" * 3000 + "}"  # some versions of Python read it
    assert why(f"{part(deep)}.{part({})}.AAAA") in ("", "is no JWT: its header cannot be read")
    claims = f"{part(HEADER)}.{part(deep)}.AAAA"
    assert why(claims) in ("", "is no JWT: its claims cannot be read")


def test_bytes_that_are_no_utf8_are_not_read() -> None:
    broken = base64.urlsafe_b64encode(b'{"alg":"ES256","x":"\xff"}').rstrip(b"=").decode()
    assert why(f"{broken}.{part({})}.AAAA") == "is no JWT: its header cannot be read"


@pytest.mark.parametrize("signature", ["AB", "AA==", "A A", "A+AA", "A/AA", "A", "AAAA\n", "AAé"])
def test_base64_has_one_spelling(signature: str) -> None:
    """Else one token could be made to look like many."""
    assert why(f"{part(HEADER)}.{part({})}.{signature}")
    assert why(f"{part(HEADER)}.{part({})}.AA") == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"alg": None}, "has no 'alg'"),
        ({"alg": ["ES256"]}, "has no 'alg'"),
        ({"alg": 1}, "has no 'alg'"),
        ({"crit": ["exp"], "exp": 1}, "needs an extension"),
        ({"crit": []}, "needs an extension"),
        ({"crit": ["b64"], "b64": False}, "needs an extension"),
        ({"b64": False}, "encrypted, compressed or holds another one"),
        ({"zip": "DEF"}, "encrypted, compressed or holds another one"),
        ({"enc": "A256GCM"}, "encrypted, compressed or holds another one"),
        ({"cty": "JWT"}, "encrypted, compressed or holds another one"),
        ({"typ": "logout+jwt"}, "of another type"),
        ({"typ": "dpop+jwt"}, "of another type"),
        ({"typ": ["JWT"]}, "of another type"),
        ({"kid": ["first"]}, "names its key"),
        ({"kid": ""}, "names its key"),
        ({"kid": 1}, "names its key"),
        ({"kid": "x" * 201}, "names its key"),
    ],
)
def test_a_header_that_asks_for_more_is_refused(more: dict[str, object], said: str) -> None:
    assert said in why(headed(**more))


@pytest.mark.parametrize(
    "more",
    [
        *({"typ": "jwt"}, {"typ": "at+jwt"}, {"typ": "application/at+JWT"}, {"typ": None}),
        *({"kid": "x" * 200}, {"kid": "../../etc/passwd"}, {"kid": "' or 1=1; --"}, {"kid": None}),
        {"jku": "https://evil.example", "x5u": "https://evil.example", "jwk": {}, "x5c": ["AA"]},
    ],
)
def test_what_other_issuers_write_into_headers_is_taken(more: dict[str, object]) -> None:
    assert why(headed(**more)) == ""
