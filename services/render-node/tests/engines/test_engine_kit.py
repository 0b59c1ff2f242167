"""What every engine must do, in every sandbox."""

import asyncio
import os
import signal
import time
from contextlib import suppress

import pytest
from engine_kit import Bench, Subject, limited, until

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Limits
from lightmill.render_node.engines.contract import WarmEngine
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.ports import Renderer, RenderFailedError

GONE_WITHIN = 2.0


async def opened(bench: Bench, subject: Subject, limits: Limits | None = None) -> Renderer:
    work = limited(subject.endless, limits) if limits else subject.quick
    return await bench.open(subject.engine, bench.launch(work, subject.project))


async def failing(bench: Bench, renderer: Renderer) -> RenderFailedError:
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1)
    return failed.value


async def test_frames_open_and_differ(bench: Bench, subject: Subject) -> None:
    renderer = await opened(bench, subject)
    images = OpenImageIoImages()
    seen = set()
    for frame in (1, 2, 3):
        rendered = await bench.render(renderer, frame)
        assert rendered.seconds > 0
        assert (rendered.engine or "").startswith(subject.engine.name)
        if isinstance(subject.engine, WarmEngine):
            assert (rendered.peak_ram or 0) > 2**20
        images.check(rendered.path, None, None)
        seen.add(rendered.path.read_bytes())
    assert len(seen) == 3
    assert bench.progress
    if isinstance(subject.engine, WarmEngine):
        assert bench.progress[0] == 0.0  # ready
    assert all(0 <= share <= 1 for share in bench.progress)
    assert bench.log.stat().st_size


async def test_processes_are_kept_or_gone_as_the_kind_of_engine_says(
    bench: Bench, subject: Subject
) -> None:
    """A warm engine serves every frame by one process; of a cold one nothing outlives a frame."""
    renderer = await opened(bench, subject)
    after = []
    for frame in (1, 2, 3):
        await bench.render(renderer, frame)
        after.append(max(bench.processes(), default=None))
    assert len(set(after)) == 1
    assert (after[0] is not None) == isinstance(subject.engine, WarmEngine)


async def test_the_next_frame_is_begun_before_it_is_asked_for(
    bench: Bench, subject: Subject
) -> None:
    """Where an engine stays warm; and one that is not asked for then harms no other."""
    renderer = await opened(bench, subject)
    one, two, three = (bench.scratch / f"{frame:04d}.png" for frame in (1, 2, 3))
    first = (await renderer.render(1, one, bench.progress.append, (2, two))).path.read_bytes()
    if isinstance(subject.engine, WarmEngine):
        await until(two.exists)
    found = await renderer.render(2, two, bench.progress.append, (1, one))
    second = found.path.read_bytes()
    assert second != first
    assert found.seconds > 0
    third = await renderer.render(3, three, bench.progress.append)
    assert third.path.read_bytes() not in {first, second}


async def test_frame_that_takes_too_long_is_ended(bench: Bench, subject: Subject) -> None:
    renderer = await opened(bench, subject, Limits(frame=0.5))
    failure = await failing(bench, renderer)
    assert failure.kind is FailureKind.TIMEOUT
    assert not bench.processes()


async def test_start_that_takes_too_long_is_ended(bench: Bench, subject: Subject) -> None:
    renderer = await opened(bench, subject, Limits(start=0.001))
    assert (await failing(bench, renderer)).kind is FailureKind.TIMEOUT
    assert not bench.processes()


async def test_more_memory_than_granted_is_ended(bench: Bench, subject: Subject) -> None:
    launch = bench.launch(subject.endless, subject.project, ram=2**20)
    renderer = await bench.open(subject.engine, launch)
    assert (await failing(bench, renderer)).kind is FailureKind.OUT_OF_MEMORY
    assert not bench.processes()


async def test_killed_engine_costs_one_frame(bench: Bench, subject: Subject) -> None:
    work = subject.quick if isinstance(subject.engine, WarmEngine) else subject.endless
    renderer = await bench.open(subject.engine, bench.launch(work, subject.project))
    if isinstance(subject.engine, WarmEngine):
        # The scene is open, so the blow falls between two frames or into the second one.
        await bench.render(renderer, 1)
        kill(bench)
        assert (await failing(bench, renderer)).kind is FailureKind.ENGINE
        assert (await bench.render(renderer, 2)).path.is_file()
    else:
        rendering = asyncio.create_task(bench.render(renderer, 1))
        await until(lambda: bool(bench.processes()))
        kill(bench)
        with pytest.raises(RenderFailedError, match="signal 9"):
            await rendering
    assert subject.engine.classify_failure(-signal.SIGKILL, "") is FailureKind.ENGINE


def kill(bench: Bench) -> None:
    for pid in bench.processes():
        with suppress(ProcessLookupError):  # it ends with the one inside it
            os.kill(pid, signal.SIGKILL)


async def test_close_ends_all_in_the_middle_of_a_frame(bench: Bench, subject: Subject) -> None:
    renderer = await opened(bench, subject, Limits())
    rendering = asyncio.create_task(bench.render(renderer, 1))
    await until(lambda: bool(bench.processes()))
    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering
    begun = time.monotonic()
    await renderer.close()
    assert time.monotonic() - begun < GONE_WITHIN
    assert not bench.processes()
    await renderer.close()


async def test_lines_of_strangers_are_talk(subject: Subject) -> None:
    for line in ("", "Saved: 'a.png'", "@lightmill", "@lightmill {", '@lightmill {"event": 1}'):
        assert subject.engine.read(line) is None
