"""Where the api listens, and what serves there."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from typing_extensions import override


class PortTakenError(Exception):
    """Something else listens where the api should."""


class Server(uvicorn.Server):
    """A server that leaves the signals of the process to whoever runs it."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that listens there.

    Raises:
        PortTakenError: something else does.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"cannot listen on {host}:{port} ({error.strerror}): "
            f"stop what listens there, or choose another with LIGHTMILL_PORT"
        ) from error
    with contextlib.closing(listener):
        yield listener
