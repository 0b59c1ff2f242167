"""Programs that the nursery starts are held as an engine is, and nothing of them stays."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from engine_kit import until

from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.births import Birth, Child
from lightmill.render_node.engines.nursery import Nursery

LIMIT = 2**20
PYTHON = (sys.executable, "-I", "-S", "-c")
ENGINE = """
import json, os, resource, signal, sys
print(json.dumps({
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "leader": os.getsid(0) == os.getpid(),
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "heard": [signal.getsignal(one) is signal.SIG_DFL for one in (signal.SIGTERM, signal.SIGHUP)],
    "input": sys.stdin.read(),
    "descriptors": os.listdir("/proc/self/fd"),
    "memory": open("/proc/self/oom_score_adj").read().strip(),
}))
"""
STRAY = """
import os, subprocess
subprocess.Popen(
    ["sleep", "600"],
    start_new_session=True,
    env={"PATH": os.environ["PATH"]},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
"""
LOWERED = f"""
import resource as r, time
end = time.monotonic() + 25
while r.getrlimit(r.RLIMIT_FSIZE)[1] != {LIMIT} and time.monotonic() < end:
    time.sleep(0.001)  # it is lowered right after the start
print(r.getrlimit(r.RLIMIT_FSIZE))
"""
NODE = """
import asyncio, os, sys
from pathlib import Path
from lightmill.render_node.engines.births import Birth
from lightmill.render_node.engines.nursery import Nursery

async def main():
    stray = (sys.executable, "-I", "-c", sys.argv[1] + "import time; time.sleep(600)")
    null = os.open(os.devnull, os.O_RDWR)
    birth = Birth(argv=stray, environment={"PATH": os.environ["PATH"]}, folder=Path("/"),
                  mark="m", file_bytes=2**20, descriptors=(null, null, null))
    print((await Nursery().start(birth)).pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@dataclass
class Program:
    """A program that was started, and the reading end of its output."""

    child: Child
    output: int

    async def ended(self) -> tuple[int, str]:
        code = await self.child.wait()
        with os.fdopen(self.output) as output:
            return code, await asyncio.to_thread(output.read)


class Cradle:
    """A nursery, and what was started with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nursery = Nursery()
        self.mark = f"test:{folder}"
        self._others = set(_below(os.getpid()))

    async def start(self, *argv: str, **environment: str) -> Program:
        output, there = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        own = {"PATH": os.defpath, process_tree.MARK: self.mark}
        birth = Birth(
            argv=argv,
            environment={**own, **environment},
            folder=self.folder,
            mark=self.mark,
            file_bytes=LIMIT,
            descriptors=(nothing, there, there),
        )
        try:
            return Program(await self.nursery.start(birth), output)
        finally:
            os.close(there)
            os.close(nothing)

    async def run(self, *argv: str) -> tuple[int, str]:
        return await (await self.start(*argv)).ended()

    def living(self) -> list[int]:
        return process_tree.marked(self.mark)

    def children(self) -> list[psutil.Process]:
        """Return the test's own children, without those that it had before."""
        here = psutil.Process()
        return [one for one in here.children() if one not in self._others]


@pytest.fixture
async def cradle(tmp_path: Path) -> AsyncIterator[Cradle]:
    cradle = Cradle(tmp_path)
    yield cradle
    await cradle.nursery.close()
    assert not cradle.living()
    assert not cradle.children()


def _below(pid: int) -> Sequence[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def test_a_program_is_held_as_an_engine_is(cradle: Cradle) -> None:
    code, told = await cradle.run(*PYTHON, ENGINE)
    assert code == 0, told
    assert json.loads(told) == {
        "core": [0, 0],
        "leader": True,
        "folder": str(cradle.folder),
        "environment": {"PATH": os.defpath, process_tree.MARK: cradle.mark, "LC_CTYPE": "C.UTF-8"},
        "heard": [True, True],
        "input": "",
        "descriptors": ["0", "1", "2", "3"],  # its three, and the one by which it looks
        "memory": "800",
    }


async def test_no_file_grows_beyond_its_limit(cradle: Cradle) -> None:
    code, _ = await cradle.run("/bin/sh", "-c", "exec head -c 2M /dev/zero >large")
    assert code in {-signal.SIGXFSZ, 1}
    assert (cradle.folder / "large").stat().st_size == LIMIT


async def test_the_limit_cannot_be_lifted(cradle: Cradle) -> None:
    assert await cradle.run(*PYTHON, LOWERED) == (0, f"({LIMIT}, {LIMIT})\n")


async def test_the_end_is_told_as_it_was(cradle: Cradle) -> None:
    assert await cradle.run("sh", "-c", "echo said; exit 7") == (7, "said\n")
    code, _ = await cradle.run("sh", "-c", "kill -ABRT $$")
    assert code == -signal.SIGABRT


async def test_many_at_once_each_have_their_own_end(cradle: Cradle) -> None:
    runs = (cradle.run("sh", "-c", f"echo {code}; exit {code}") for code in range(40))
    assert await asyncio.gather(*runs) == [(code, f"{code}\n") for code in range(40)]


@pytest.mark.parametrize(
    "program", ["there-is-no-such-program", "/no/such/program", "/etc/passwd"]
)
async def test_what_cannot_be_run_ends_and_says_why(cradle: Cradle, program: str) -> None:
    code, told = await cradle.run(program)
    assert code == 127
    assert told.startswith(f"{program} cannot be run: ")


async def test_a_folder_that_is_gone_is_told(cradle: Cradle, tmp_path: Path) -> None:
    cradle.folder = tmp_path / "gone"
    code, told = await cradle.run("true")
    assert (code, told) == (127, "true cannot be run: No such file or directory\n")


async def test_programs_are_looked_for_on_the_path_that_they_get(cradle: Cradle) -> None:
    program = cradle.folder / "own"
    program.write_text("#!/bin/sh\necho own\n")
    program.chmod(0o755)
    started = await cradle.start("own", PATH=f"/no/such:{cradle.folder}")
    assert await started.ended() == (0, "own\n")


async def test_who_leaves_nothing_behind_is_known(cradle: Cradle) -> None:
    started = await cradle.start("true")
    await started.ended()
    assert started.child.left_nothing


async def test_who_leaves_a_process_behind_is_not_trusted(cradle: Cradle) -> None:
    started = await cradle.start(*PYTHON, STRAY)
    assert (await started.ended())[0] == 0
    assert not started.child.left_nothing


async def test_a_start_that_is_cancelled_leaves_nothing(cradle: Cradle) -> None:
    start = asyncio.create_task(cradle.start("sleep", "600"))
    await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not cradle.living()


async def test_a_long_command_line_is_run_too(cradle: Cradle) -> None:
    assert await cradle.run("printf", "%.3s", *["long" * 2**13] * 4) == (0, "lon" * 4)


async def test_when_the_nursery_dies_what_it_started_counts_as_ended(cradle: Cradle) -> None:
    started = await cradle.start("sleep", "600")
    (nursery,) = cradle.children()
    nursery.kill()
    assert await started.child.wait() == -signal.SIGKILL
    assert not started.child.left_nothing
    os.close(started.output)
    assert process_tree.end(None, cradle.mark)
    assert await cradle.run("echo", "again") == (0, "again\n")


async def test_who_comes_before_its_death_is_noticed_is_started_by_another(
    cradle: Cradle,
) -> None:
    assert await cradle.run("echo", "once") == (0, "once\n")
    (nursery,) = cradle.children()
    nursery.kill()
    end = time.monotonic() + 25
    while _runs(nursery) and time.monotonic() < end:  # so that the loop hears nothing of it
        time.sleep(0.001)  # noqa: ASYNC251  # as above
    assert await cradle.run("echo", "again") == (0, "again\n")


async def test_closing_takes_everything_along(cradle: Cradle) -> None:
    started = await cradle.start(*PYTHON, STRAY + "import time; time.sleep(600)")
    await until(lambda: len(_below(started.child.pid)) == 1)
    os.close(started.output)
    await cradle.nursery.close()
    assert not cradle.living()


async def test_everything_ends_with_a_node_that_is_killed(tmp_path: Path) -> None:
    node = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NODE, STRAY, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert node.stdout is not None
    try:
        engine = int(await node.stdout.readline())
        await until(lambda: len(_below(engine)) == 1)
        family = [psutil.Process(engine), *_below(engine)]
    finally:
        node.kill()
        await node.wait()
    await until(lambda: not any(map(_runs, family)), 2.0)


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
