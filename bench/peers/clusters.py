"""Slurm and HTCondor, each asked to run a program so and so many times."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from peers.contained import Contained, contained

_PATIENCE_S = 1200.0
_EVENT = re.compile(r"^00(?P<kind>[15]) \(\d+\.\d+\.\d+\) (?P<at>\S+ \S+) ", re.MULTILINE)
_BEGUN = "1"


class Slurm:
    """An array of jobs, from its submission until the queue is empty."""

    def __init__(self, peer: Contained) -> None:
        self._peer = peer

    def version(self) -> str:
        """Return the version of what runs."""
        return self._peer.call("sinfo", "--version").split()[-1]

    def rate(self, jobs: int) -> float:
        """Return how many jobs a second it has run."""
        ask = ("sbatch", "--quiet", f"--array=1-{jobs}", "--output=/dev/null", "--wrap=/bin/true")
        began = time.monotonic()
        self._peer.call(*ask)
        self._peer.until(lambda: not self._peer.call("squeue", "--noheader"), _PATIENCE_S)
        return jobs / (time.monotonic() - began)


class HTCondor:
    """A cluster of jobs, from the start of the first to the end of the last.

    What it takes until it has found slots for the first is not counted.
    """

    def __init__(self, peer: Contained) -> None:
        self._peer = peer
        self._asked = 0

    def version(self) -> str:
        """Return the version of what runs."""
        return self._peer.call("condor_version").split()[1]

    def rate(self, jobs: int) -> float:
        """Return how many jobs a second it has run."""
        self._asked += 1
        place = f"/home/bench/{self._asked}"  # in the container
        text = (
            f"executable=/bin/true\nuniverse=vanilla\nlog={place}.log\n"
            f"should_transfer_files=NO\nqueue {jobs}\n"
        )
        self._call("sh", "-c", f"printf %s '{text}' >{place}.sub && condor_submit {place}.sub")
        self._call("condor_wait", "-wait", f"{_PATIENCE_S:.0f}", f"{place}.log")
        events = list(_EVENT.finditer(self._call("cat", f"{place}.log")))
        begun = min(_moment(event["at"]) for event in events if event["kind"] == _BEGUN)
        ended = [_moment(event["at"]) for event in events if event["kind"] != _BEGUN]
        return len(ended) / (max(ended) - begun)

    def _call(self, *command: str) -> str:
        return self._peer.call(*command, user="bench")


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Give one with an idle node for the block."""
    with contained("slurm") as peer:
        peer.until(lambda: "idle" in peer.call("sh", "-c", "sinfo --noheader || true"))
        yield Slurm(peer)


@contextmanager
def htcondor() -> Iterator[HTCondor]:
    """Give one with 32 idle slots for the block."""
    with contained("htcondor") as peer:
        peer.until(lambda: " 32 " in peer.call("sh", "-c", "condor_status -total || true"))
        yield HTCondor(peer)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
