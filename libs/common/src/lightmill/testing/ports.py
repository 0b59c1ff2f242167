"""Ports of this machine that nobody listens on, and that no connection is given meanwhile."""

import secrets
import socket
from contextlib import ExitStack

_FIRST, _LAST = 15_000, 32_767
"""Below those that Linux gives connections, and Docker containers, by itself."""


def free_ports(count: int) -> list[int]:
    """Return so many different ones; who wants one takes it soon."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = _FIRST + secrets.randbelow(_LAST + 1 - _FIRST)
            try:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            ports.append(port)
    return ports
