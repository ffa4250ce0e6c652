"""The Redis that the tests start."""

import socket

import pytest

pytestmark = pytest.mark.integration


def test_it_keeps_what_it_is_given(redis: str) -> None:
    host, _, port = redis.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"SET engines-test 7\r\nGET engines-test\r\n")
        answer = connection.makefile("rb")
        assert [answer.readline() for _ in range(3)] == [b"+OK\r\n", b"$1\r\n", b"7\r\n"]
