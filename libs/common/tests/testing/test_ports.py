"""A port that was found free is free when it is taken, whatever connections are made meanwhile."""

import socket
import sys
from pathlib import Path

import pytest

from lightmill.testing.ports import free_ports

GIVEN_TO_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL = 32_768


def test_each_can_be_listened_on() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems give connections other ports")
def test_no_connection_is_given_one_of_them() -> None:
    first = int(GIVEN_TO_CONNECTIONS.read_text("ascii").split()[0])
    if first < USUAL:
        pytest.skip(f"here connections are given ports from {first} on")
    assert max(free_ports(200)) < first
