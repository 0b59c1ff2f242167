"""A shell that waits becomes the engine, held as any other, and serves once."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from engine_kit import until

from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.beds import Beds
from lightmill.render_node.engines.births import Birth, Child
from lightmill.render_node.engines.launching import becoming, shells_can_wait

pytestmark = pytest.mark.skipif(not shells_can_wait(), reason="no setpriv, or no /proc/PID/fd")

LIMIT = 2**20
PATH = os.defpath
PYTHON = (sys.executable, "-I", "-S", "-c")
ENGINE = """
import json, os, resource, sys
print(json.dumps({
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "file": resource.getrlimit(resource.RLIMIT_FSIZE),
    "leader": os.getsid(0) == os.getpid(),
    "folder": os.getcwd(),
    "environment": {k: v for k, v in os.environ.items() if k != "LC_CTYPE"},
    "input": sys.stdin.read(),
    "descriptors": os.listdir("/proc/self/fd"),
    "memory": open("/proc/self/oom_score_adj").read().strip(),
    "arguments": sys.argv[1:],
}))
"""
NODE = """
import asyncio, os, sys
from pathlib import Path
from lightmill.render_node.engines.beds import Beds
from lightmill.render_node.engines.births import Birth

async def main():
    beds = Beds()
    await beds.prepare()
    waits = beds.waiting
    null = os.open(os.devnull, os.O_RDWR)
    birth = Birth(argv=("sleep", "600"), environment={"PATH": os.environ["PATH"]},
                  folder=Path("/"), mark="m", file_bytes=2**20, descriptors=(null, null, null))
    assert (await beds.start(birth)).pid == waits
    await beds.prepare()
    print(waits, beds.waiting, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def beds() -> AsyncIterator[Beds]:
    beds = Beds()
    await beds.prepare()
    yield beds
    await beds.close()


async def start(
    beds: Beds,
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    said: bytes = b"",
) -> tuple[Child, int]:
    """Return the process, and the reading end of its output and errors."""
    there, said_to = os.pipe()
    here, out = os.pipe()
    try:
        birth = Birth(
            argv=argv,
            environment={"PATH": PATH, **(environment or {})},
            folder=folder,
            mark="bed",
            file_bytes=LIMIT,
            descriptors=(there, out, out),
        )
        os.write(said_to, said)
        return await beds.start(birth), here
    finally:
        for fd in (there, out, said_to):
            os.close(fd)


async def ended(child: Child, output: int) -> tuple[int, str]:
    code = await child.wait()
    with os.fdopen(output) as file:
        return code, file.read()


async def test_what_it_becomes_is_held_and_inherits_nothing(beds: Beds, tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    waits = beds.waiting
    mark = {process_tree.MARK: "b$d's `mark`\nof two lines"}
    odd = ("$HOME", "it's", "two\nlines", "")
    child, output = await start(beds, (*PYTHON, ENGINE, *odd), folder, mark, b"hello")
    assert child.pid == waits
    code, told = await ended(child, output)
    assert (code, json.loads(told)) == (
        0,
        {
            "core": [0, 0],
            "file": [LIMIT, LIMIT],
            "leader": True,
            "folder": str(folder),
            "environment": {"PATH": PATH, **mark},
            "input": "hello",
            "descriptors": ["0", "1", "2", "3"],  # its three, and the one by which it looks
            "memory": "800",
            "arguments": list(odd),
        },
    )


async def test_each_serves_once_and_another_comes(beds: Beds, tmp_path: Path) -> None:
    waits = beds.waiting
    assert await ended(*await start(beds, ("echo", "one"), tmp_path)) == (0, "one\n")
    await until(lambda: beds.waiting not in {None, waits})
    assert await ended(*await start(beds, ("echo", "two"), tmp_path)) == (0, "two\n")


async def test_who_comes_before_the_next_waits_is_started_all_the_same(
    beds: Beds, tmp_path: Path
) -> None:
    children = [await start(beds, ("echo", str(number)), tmp_path) for number in range(3)]
    assert [await ended(*child) for child in children] == [(0, "0\n"), (0, "1\n"), (0, "2\n")]


async def test_a_shell_that_has_ended_is_not_told(beds: Beds, tmp_path: Path) -> None:
    assert beds.waiting is not None
    pidfd = os.pidfd_open(beds.waiting)
    os.kill(beds.waiting, signal.SIGKILL)
    await asyncio.to_thread(select.select, [pidfd], [], [], 10)
    os.close(pidfd)
    assert await ended(*await start(beds, ("echo", "alive"), tmp_path)) == (0, "alive\n")


async def test_what_no_shell_can_pass_on_is_started_by_the_node(
    beds: Beds, tmp_path: Path
) -> None:
    waits = beds.waiting
    child, output = await start(beds, ("echo", "started"), tmp_path, {"A-NAME": "is legal"})
    assert child.pid != waits
    assert await ended(child, output) == (0, "started\n")
    assert beds.waiting == waits


@pytest.mark.parametrize("name", ["PPID", "UID", "a-b", "1st", ""])
def test_no_shell_is_told_names_that_it_cannot_set(name: str) -> None:
    assert becoming(("true",), {name: ""}, Path("/"), LIMIT, (0, 1, 2)) is None


async def test_a_program_that_is_not_there_says_so(beds: Beds, tmp_path: Path) -> None:
    code, told = await ended(*await start(beds, ("no-such-program",), tmp_path))
    assert code == 127
    assert "no-such-program" in told


async def test_one_that_waits_leaves_when_it_is_sent_away(beds: Beds) -> None:
    waits = beds.waiting
    assert waits is not None
    await beds.close()
    assert beds.waiting is None
    with pytest.raises(ProcessLookupError):
        os.kill(waits, 0)


def test_what_waits_and_what_runs_end_with_the_node() -> None:
    node = subprocess.Popen(  # noqa: S603  # our own command line
        [sys.executable, "-c", NODE], stdout=subprocess.PIPE
    )
    assert node.stdout is not None
    pidfds = [os.pidfd_open(int(pid)) for pid in node.stdout.readline().split()]
    assert len(pidfds) == 2
    node.kill()
    node.communicate()
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], 10)[0]
        os.close(pidfd)
