"""Free TCP ports on this machine."""

import socket

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """Somebody listens on the port already."""


def free_port(wanted: int) -> int:
    """Return `wanted`, or a free port when that is 0.

    Raises:
        PortTakenError: somebody listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise PortTakenError(
                f"port {wanted} is taken: stop who listens there, or choose another with --port"
            ) from error
        port: int = probe.getsockname()[1]
        return port
