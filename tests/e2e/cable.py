"""A cable between a client and a server that a test can cut, hold and shake."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 2**16


class Cable:
    """Carries TCP connections; `port` is where it begins.

    Attributes:
        carried: Bytes that went towards the server since `mend`.
        full: Set once the limit is reached.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._turn = threading.Condition()
        self._open: set[socket.socket] = set()
        self.full = threading.Event()
        self.mend()
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self) -> None:
        """Carry everything from now on."""
        self.carried = 0
        self._limit: int | None = None
        self._flip: int | None = None
        self._cut = False
        self.full.clear()

    def hold_after(self, count: int) -> None:
        """Swallow what comes after so many bytes from now on, silently."""
        self.mend()
        self._limit, self._cut = count, False

    def cut_after(self, count: int) -> None:
        """Break every connection, old and new, after so many bytes from now on."""
        self.mend()
        self._limit, self._cut = count, True

    def cut(self) -> None:
        """Break every connection, old and new, at once."""
        self.cut_after(0)
        self.full.set()
        self._break()

    def flip_after(self, count: int) -> None:
        """Change one bit behind so many bytes from now on, once."""
        self.mend()
        self._flip = count

    def await_end(self) -> None:
        """Return when every connection has ended, and with it what was still on its way."""
        with self._turn:
            assert self._turn.wait_for(lambda: not self._open, 60), "a connection stays open"

    def close(self) -> None:
        """Break everything."""
        self._listener.close()
        self._break()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        if self.full.is_set() and self._cut:
            client.close()
            return
        with suppress(OSError):
            server = socket.create_connection(self._server)
            if not self._joined(client, server):
                return
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server, towards=True)
            back.join()
            for end in (client, server):
                end.close()
            with self._turn:
                self._open -= {client, server}
                self._turn.notify_all()

    def _joined(self, *ends: socket.socket) -> bool:
        """Take a connection in, unless the cable was cut while it was made."""
        with self._turn:
            if not (self.full.is_set() and self._cut):
                self._open |= set(ends)
                return True
        for end in ends:
            end.close()
        return False

    def _pump(
        self, source: socket.socket, target: socket.socket, *, towards: bool = False
    ) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                carried = self._shaken(piece) if towards else piece
                if carried is not None:
                    target.sendall(carried)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _shaken(self, piece: bytes) -> bytes | None:
        """Return what arrives of a piece."""
        with self._turn:
            self.carried += len(piece)
            if self._limit is not None and self.carried > self._limit:
                self.full.set()
                if self._cut:
                    self._break()
                return None
            if self._flip is not None and self.carried > self._flip and len(piece) == _PIECE:
                self._flip = None
                middle = _PIECE // 2
                return piece[:middle] + bytes([piece[middle] ^ 1]) + piece[middle + 1 :]
        return piece

    def _break(self) -> None:
        with self._turn:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(host: str, port: int) -> Iterator[Cable]:
    """Give a cable to the server for the block."""
    laid = Cable(host, port)
    try:
        yield laid
    finally:
        laid.close()
