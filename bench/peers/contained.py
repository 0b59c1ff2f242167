"""Peers that Debian packages: each in a container of its own, built from the folder beside this.

The base image is `debian:trixie-slim`, or what `LIGHTMILL_BENCH_DEBIAN` names.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_DEBIAN = os.environ.get("LIGHTMILL_BENCH_DEBIAN", "debian:trixie-slim")  # noqa: TID251  # where images come from is the machine's affair
_PATIENCE_S = 60.0


class PeerMissingError(Exception):
    """The peer cannot be had here."""


@dataclass(frozen=True, slots=True)
class Contained:
    """A peer that runs."""

    container: str

    def call(self, *command: str, user: str = "root") -> str:
        """Return what a command in the container prints."""
        return _docker("exec", "--user", user, self.container, *command)

    def until(self, true: Callable[[], bool], seconds: float = _PATIENCE_S) -> None:
        """Return when it is so.

        Raises:
            PeerMissingError: it did not come true in time.
        """
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise PeerMissingError(
                    f"it did not work: {_docker('logs', self.container)[-500:]}"
                )
            time.sleep(0.2)


@contextmanager
def contained(name: str) -> Iterator[Contained]:
    """Give the peer, built when it has changed; its container ends with the block.

    Raises:
        PeerMissingError: it cannot be built or started.
    """
    tag = f"lightmill-bench/{name}"
    print(f"building {name} …")
    _docker(
        "build", "--quiet", "--build-arg", f"DEBIAN={_DEBIAN}", "--tag", tag, str(_HERE / name)
    )
    container = _docker("run", "--detach", "--hostname", "localhost", tag).strip()
    try:
        yield Contained(container)
    finally:
        _docker("rm", "--force", "--volumes", container)


def _docker(*words: str) -> str:
    ended = subprocess.run(  # noqa: S603  # our own command line
        ["docker", *words],  # noqa: S607  # wherever it is
        check=False,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise PeerMissingError(f"docker {words[0]}: {ended.stderr.strip()[-500:]}")
    return ended.stdout
