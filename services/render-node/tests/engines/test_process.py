"""What processes do to a node, shown by the simulated engine, which misbehaves as it is told."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest
from engine_kit import Bench, Subject, until

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Limits, Work
from lightmill.render_node.engines.leftovers import kill_leftovers
from lightmill.render_node.engines.sandbox import Sandbox
from lightmill.render_node.ports import RenderFailedError

NODE = """
import asyncio, sys
from pathlib import Path
from engine_kit import Bench
from lightmill.domain.job import Work
from lightmill.render_node.engines.sandbox import Bubblewrap, Unconfined
from lightmill.render_node.engines.simulated import Simulated

async def main(folder, level):
    sandbox = Bubblewrap() if level == "bubblewrap" else Unconfined(level)
    bench = Bench(Path(folder), sandbox)
    work = Work(engine="simulated", settings={"misbehave": sys.argv[3]})
    renderer = await bench.open(Simulated(), bench.launch(work))
    await bench.render(renderer, 1)
    await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:3]))
"""


def work(limits: Limits | None = None, **settings: object) -> Work:
    return Work(engine="simulated", settings=settings, limits=limits or Limits())  # type: ignore[arg-type]  # plain JSON


async def failing(
    bench: Bench, subject: Subject, asked: Work, ram: int = 2**28
) -> RenderFailedError:
    renderer = await bench.open(subject.engine, bench.launch(asked, ram=ram))
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1)
    assert not bench.processes()
    return failed.value


async def test_crash_names_the_signal(bench: Bench, simulated: Subject) -> None:
    failure = await failing(bench, simulated, work(misbehave="crash"))
    assert failure.kind is FailureKind.ENGINE
    assert f"signal {signal.SIGABRT.value}" in failure.detail


async def test_silence_is_ended(bench: Bench, simulated: Subject) -> None:
    limits = Limits(silence=0.3)
    failure = await failing(bench, simulated, work(limits, misbehave="hang"))
    assert failure.kind is FailureKind.TIMEOUT
    assert "no output for 0.3 s" in failure.detail


async def test_output_puts_silence_off(bench: Bench, simulated: Subject) -> None:
    asked = work(Limits(silence=2.0), seconds=2.5)  # an engine may take its time to start
    renderer = await bench.open(simulated.engine, bench.launch(asked))
    assert (await bench.render(renderer, 1)).seconds >= 2.5


async def test_memory_hog_is_ended(bench: Bench, simulated: Subject) -> None:
    failure = await failing(bench, simulated, work(misbehave="memory"))
    assert failure.kind is FailureKind.OUT_OF_MEMORY


async def test_leaking_engine_is_recycled_before_it_fails(
    bench: Bench, simulated: Subject
) -> None:
    asked = work(misbehave="leak", seconds=0.3)
    renderer = await bench.open(simulated.engine, bench.launch(asked, ram=2**28))
    engines = set()
    for frame in range(1, 13):
        await bench.render(renderer, frame)
        engines.add(max(bench.processes()))
    assert 1 < len(engines) < 4


async def test_fork_bomb_is_ended(bench: Bench, simulated: Subject) -> None:
    failure = await failing(bench, simulated, work(misbehave="bomb"), ram=2**40)
    assert "too many processes" in failure.detail


async def test_flood_of_output_is_cut(bench: Bench, simulated: Subject) -> None:
    limits = Limits(frame=1.0)
    failure = await failing(bench, simulated, work(limits, misbehave="flood"))
    assert failure.kind is FailureKind.TIMEOUT
    assert bench.log.stat().st_size < 3 * 2**20


async def test_child_that_holds_the_output_delays_nothing(
    bench: Bench, simulated: Subject
) -> None:
    renderer = await bench.open(simulated.engine, bench.launch(work(misbehave="child")))
    await bench.render(renderer, 1)
    begun = time.monotonic()
    await renderer.close()
    assert time.monotonic() - begun < 2
    assert not bench.processes()


async def test_frames_fail_as_asked(bench: Bench, simulated: Subject) -> None:
    asked = work(fail_frames=[2], fail_times=1)
    renderer = await bench.open(simulated.engine, bench.launch(asked))
    await bench.render(renderer, 1)
    with pytest.raises(RenderFailedError, match="fails as the settings ask"):
        await bench.render(renderer, 2)
    await bench.render(renderer, 2)


async def test_unknown_engine_says_what_there_is(bench: Bench, simulated: Subject) -> None:
    with pytest.raises(RenderFailedError, match="'maya' is not on this node; it has: simulated"):
        await bench.open(simulated.engine, bench.launch(Work(engine="maya")))


@pytest.mark.parametrize("misbehaviour", ["hang", "child"])
async def test_engines_die_with_their_node(
    tmp_path: Path, sandbox: Sandbox, misbehaviour: str
) -> None:
    """Without walls, a child that left the session lives on until the node's next start."""
    (tmp_path / "seen").mkdir()
    seen = Bench(tmp_path / "seen")
    folder = tmp_path / "node"
    folder.mkdir()
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", NODE, str(folder), sandbox.level, misbehaviour),
        cwd=Path(__file__).parent.parent,
    )
    seen.state_dir = folder / "state"
    try:
        await until(lambda: bool(seen.processes()))
        if misbehaviour == "child":
            await until((folder / "scratch/0001.png").exists)
    finally:
        node.kill()
        assert await node.wait() == -signal.SIGKILL
    survives = sandbox.level == "none" and misbehaviour == "child"
    if survives:
        assert seen.processes()
        assert kill_leftovers(seen.state_dir)
        assert not seen.processes()
    else:
        await until(lambda: not seen.processes(), 2.0)
