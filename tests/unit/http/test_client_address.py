"""Who is believed about who calls."""

from ipaddress import ip_network

import pytest

from gateway.http import client_address

HERE = {"client": ("127.0.0.1", 5)}
FAR = {"client": ("203.0.113.9", 5)}
NAMED = {b"cf-connecting-ip": b"198.51.100.7", b"cf-ray": b"8c1f-FRA"}


def test_the_edge_is_believed_from_this_machine_while_a_tunnel_runs():
    assert client_address.address(HERE, NAMED, tunnel=True) == "198.51.100.7"
    assert client_address.address({"client": ("::1", 5)}, NAMED, tunnel=True) == "198.51.100.7"


def test_nobody_forges_an_address_while_no_tunnel_runs_or_from_elsewhere():
    assert client_address.address(HERE, NAMED, tunnel=False) == client_address.UNKNOWN
    assert client_address.address(FAR, NAMED, tunnel=True) == "203.0.113.9"
    forwarded = {
        b"x-forwarded-for": b"1.2.3.4",
        b"x-real-ip": b"1.2.3.4",
        b"forwarded": b"for=1.2.3.4",
    }
    assert client_address.address(HERE, forwarded, tunnel=True) == client_address.UNKNOWN
    assert client_address.address(FAR, forwarded, tunnel=True) == "203.0.113.9"
    assert client_address.address(HERE, {b"host": b"localhost"}, tunnel=True) == "127.0.0.1"


PROXIES = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "shown", "caller"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "1.2.3.4, 198.51.100.7", "198.51.100.7"),  # the first is the client's own word
        ("10.1.2.3", "1.2.3.4, 198.51.100.7, 10.9.9.9", "198.51.100.7"),  # two proxies
        ("10.1.2.3", "10.7.7.7", "10.7.7.7"),
        ("10.1.2.3", "198.51.100.7, nobody", "10.1.2.3"),
        ("127.0.0.1", "198.51.100.7, nobody", client_address.UNKNOWN),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours
    ],
)
def test_x_forwarded_for_is_believed_from_the_named_proxies_alone(
    peer: str, shown: str, caller: str
):
    headers = {b"x-forwarded-for": shown.encode()}
    found = client_address.address({"client": (peer, 1)}, headers, tunnel=False, proxies=PROXIES)
    assert found == caller


@pytest.mark.parametrize(
    "text", [b"", b"nobody", b"1.2.3", b"1.2.3.4, 5.6.7.8", b"\xff", b"fe80::1%eth0", b"1.2.3.4\n"]
)
def test_what_is_no_address_names_nobody(text: bytes):
    found = client_address.address(HERE, {b"cf-connecting-ip": text}, tunnel=True)
    assert found == client_address.UNKNOWN


def test_a_caller_without_an_address_is_unknown():
    assert client_address.address({"client": None}, {}, tunnel=True) == client_address.UNKNOWN
    assert (
        client_address.address({"client": ("/run/x.sock", 0)}, {}, tunnel=True)
        == client_address.UNKNOWN
    )


@pytest.mark.parametrize(
    "name",
    [
        b"cf-ray",
        b"cf-connecting-ip",
        b"cf-visitor",
        b"cf-ipcountry",
        b"cdn-loop",
        b"cf-warp-tag-id",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"tailscale-user-login",
        b"tailscale-funnel-request",
        b"ngrok-auth-user-email",
    ],
)
def test_every_mark_of_a_tunnel_or_proxy_tells_a_caller_from_outside(name: bytes):
    assert client_address.was_forwarded({b"host": b"x", name: b""})
    assert not client_address.was_forwarded({b"host": b"x", b"my-" + name: b""})


def test_only_a_plain_ray_is_told():
    assert client_address.ray({b"cf-ray": b"8c1f00aa-FRA"}) == "8c1f00aa-FRA"
    assert client_address.ray({b"cf-ray": b"8c1f\x1b[31m"}) == ""
    assert client_address.ray({}) == ""


def test_one_caller_cannot_be_many_by_the_addresses_of_one_network():
    assert client_address.neighbourhood("2001:db8::1") == client_address.neighbourhood(
        "2001:db8:0:ff::1"
    )
    assert client_address.neighbourhood("2001:db8::1") != client_address.neighbourhood(
        "2001:db8:0:100::1"
    )
    assert client_address.neighbourhood("::ffff:192.0.2.1") == "192.0.2.1"
    assert client_address.neighbourhood("192.0.2.1") != client_address.neighbourhood("192.0.2.2")


def test_of_thousands_of_made_up_proxies_only_the_last_are_looked_at():
    headers = {b"x-forwarded-for": b"198.51.100.7" + b",10.7.7.7" * 3000}
    found = client_address.address(
        {"client": ("10.1.2.3", 1)}, headers, tunnel=False, proxies=PROXIES
    )
    assert found == "10.7.7.7"
