"""Requests that a client sends ahead of their answers: a few are served, many end it."""

import socket

import pytest

from gateway.http.protocol import MOST_PIPELINED
from tests.support.failing_parts import GatewayProcess
from tests.support.raw_client import chat

LINES = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


def all_of_it(port: int, sent: bytes) -> list[bytes]:
    """The status lines of all answers until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(sent)
        said = b""
        while part := client.recv(2**16):
            said += part
    return [line for line in said.split(b"\r\n") if b"HTTP/1.1 " in line]


def test_a_few_are_answered_in_their_order(unharmed: int) -> None:
    ahead = (LINES + b"\r\n") * 2 + LINES + b"Connection: close\r\n\r\n"
    assert len(all_of_it(unharmed, ahead)) == 3


def test_of_a_thousand_no_more_than_a_few_are_read(gateway: GatewayProcess, key: str) -> None:
    answers = all_of_it(gateway.port, (LINES + b"\r\n") * 1000)
    assert len(answers) <= MOST_PIPELINED + 2
    assert b"400" in answers[-1]
    assert chat(gateway.port, key).status == 200


@pytest.mark.parametrize("first", [b"evil.example", b"localhost"])
def test_a_request_with_two_hosts_is_for_nobody(unharmed: int, first: bytes) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: %s\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    [answer] = all_of_it(unharmed, head % first)
    assert b"400" in answer
