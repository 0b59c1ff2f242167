import socket

import pytest

from lightmill.local.listening import HOST, PortTakenError, free_port


def test_a_taken_port_is_named() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            free_port(port)


def test_zero_takes_any_free_port() -> None:
    port = free_port(0)
    assert port > 0
    assert free_port(port) == port
