"""Renders the frames of one attempt and delivers them while the next ones render."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lightmill.domain.results import LOG_NAME, FrameResult
from lightmill.messages.orders import Assignment, Frame
from lightmill.render_node.core.held import Held
from lightmill.render_node.core.naming import image_name, thumbnail_name
from lightmill.render_node.ports import (
    Ahead,
    Api,
    JobFolder,
    RenderedImage,
    RenderFailedError,
    Workspaces,
)
from lightmill.render_node.use_cases.deliver_frame import DeliverFrame, nothing_left
from lightmill.render_node.use_cases.fetch_bundle import FetchBundle
from lightmill.render_node.use_cases.follow_log import FollowLog
from lightmill.render_node.use_cases.keep_warm import KeepWarm, Warm, Wish
from lightmill.render_node.use_cases.upload_urls import UploadUrls
from lightmill.runtime.clock import Clock

LET_BEGIN = 0.25
"""Seconds at most for which a new engine has the machine for itself, until it says that it is
ready: whatever else wants a core then, on the node or because of it, delays the first frame."""
_UNDELIVERED = 16
"""Frames that may wait for their delivery while the next one renders."""
_LOG_BYTES = 2**20


class Progress(Protocol):
    """Who is told how an attempt goes."""

    def began(self, held: Held) -> None:
        """Take note that the engine is about to begin."""
        ...

    def opened(self, held: Held) -> None:
        """Take note that the engine has begun."""
        ...

    def rendered(self, held: Held) -> None:
        """Take note that the engine has done its part."""
        ...

    def delivered(self, held: Held, result: FrameResult) -> None:
        """Take note that a frame is stored."""
        ...


@dataclass(slots=True, kw_only=True)
class _Job:
    """What the parts of one run share."""

    held: Held
    progress: Progress
    urls: UploadUrls
    deliveries: list[asyncio.Task[None]]
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    warm: Warm | None = None


class RunAttempt:
    """Takes an attempt from its files to its images."""

    def __init__(
        self,
        *,
        api: Api,
        fetch: FetchBundle,
        warm: KeepWarm,
        deliver: DeliverFrame,
        workspaces: Workspaces,
        clock: Clock,
    ) -> None:
        self._api = api
        self._fetch = fetch
        self._warm = warm
        self._deliver = deliver
        self._workspaces = workspaces
        self._clock = clock

    async def __call__(self, held: Held, turn: asyncio.Event, progress: Progress) -> None:
        """Return when every frame is delivered; the files come before `turn`, all else after.

        Raises:
            RenderFailedError: a frame failed; what was delivered before stands in `held`.
            AttemptGoneError: the attempt is no longer this node's.
        """
        assignment = held.assignment
        urls = UploadUrls(self._api, self._clock, held.attempt_id, _names(assignment))
        run = _Job(held=held, progress=progress, urls=urls, deliveries=[])
        if not assignment.work.leaves_file:
            await self._work(run, turn)
            return
        try:
            async with asyncio.TaskGroup() as group:
                # Its refusal ends the attempt, however long the frame would still render.
                ahead = group.create_task(_ask_ahead(run, turn))
                await self._work(run, turn)
                ahead.cancel()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _work(self, run: _Job, turn: asyncio.Event) -> None:
        project = await self._fetch(run.held.assignment)
        await turn.wait()
        run.progress.began(run.held)
        await self._render(run, project)

    async def forget(self, job: JobFolder) -> int:
        """Delete the workspace of a job that nothing uses; return the bytes that came free."""
        await self._warm.close_idle(lambda warm: warm.wish.job == job)
        return await self._fetch.forget(job)

    async def _render(self, run: _Job, project: Path) -> None:
        assignment = run.held.assignment
        wish = Wish(
            step_id=assignment.step_id,
            job=JobFolder(assignment.owner, assignment.job_id),
            work=assignment.work,
            project=project,
            grant=run.held.grant,
        )
        warm = await self._warm.acquire(wish)
        run.warm = warm
        run.opened.set()
        run.progress.opened(run.held)
        # No thread between two frames: it would wait for those that deliver the last one.
        start = _size(warm.log)
        log = FollowLog(
            size=lambda: _size(warm.log),
            store=lambda: self._store_log(warm, start, run),
            every=self._deliver.log_seconds,
        )
        try:
            failure = await self._use(warm, run)
            if _size(warm.log) > start:
                run.deliveries.append(asyncio.create_task(log.last()))
            await self._await_deliveries(run)
        finally:
            await log.close()
            await _stopped(*run.deliveries)
            await self._forget_attempt(warm.scratch, run.held.attempt_id)
        if failure is not None:
            raise failure

    async def _forget_attempt(self, scratch: Path, attempt_id: str) -> None:
        if not self._workspaces.forget_empty(scratch, attempt_id):
            await asyncio.to_thread(self._workspaces.forget_attempt, scratch, attempt_id)

    async def _use(self, warm: Warm, run: _Job) -> RenderFailedError | None:
        """Render until done or until a frame fails, and give the renderer back."""
        failure = None
        try:
            await self._render_frames(warm, run)
        except RenderFailedError as error:
            failure = error
        except BaseException:
            await self._warm.discard(warm)
            raise
        if failure is None:
            self._warm.release(warm)
        else:  # the engine may be busy with the frame after the one that failed
            await self._warm.discard(warm)
        run.progress.rendered(run.held)
        return failure

    async def _render_frames(self, warm: Warm, run: _Job) -> None:
        held = run.held
        folder = _made(warm.scratch / held.attempt_id)
        for frame, (number, output), ahead in _with_next(held.assignment, folder):
            rendered = await warm.renderer.render(number, output, _noting(run), ahead)
            held.rendered, held.done = held.rendered + 1, 0.0
            if not rendered.exists:
                run.progress.delivered(held, nothing_left(frame, rendered))
                continue
            image = self._workspaces.collect(warm.scratch, rendered.path, held.attempt_id)
            there = replace(rendered, path=image)
            delivery = self._deliver_one(run, frame, there, warm.wish.project)
            run.deliveries.append(asyncio.create_task(delivery))
            await self._keep_pace(run)

    async def _deliver_one(
        self, run: _Job, frame: Frame, rendered: RenderedImage, project: Path
    ) -> None:
        assignment = run.held.assignment
        result = await self._deliver(assignment, frame, rendered, project, run.urls)
        run.progress.delivered(run.held, result)

    async def _keep_pace(self, run: _Job) -> None:
        """Let few deliveries be open; one that failed ends the attempt here."""
        for delivery in run.deliveries:
            if delivery.done():
                delivery.result()
        if len(run.deliveries) >= _UNDELIVERED:
            await run.deliveries[-_UNDELIVERED]

    async def _await_deliveries(self, run: _Job) -> None:
        for ended in await asyncio.gather(*run.deliveries, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def _store_log(self, warm: Warm, start: int, run: _Job) -> None:
        piece = warm.log.with_name(f"{run.held.attempt_id}.txt")
        await asyncio.to_thread(_cut, warm.log, start, piece)
        await self._deliver.store_log(LOG_NAME, piece, run.urls)
        await asyncio.to_thread(piece.unlink)


async def _ask_ahead(run: _Job, turn: asyncio.Event) -> None:
    """Ask for URLs while nothing waits for this node: once the engine has begun."""
    if turn.is_set():
        await run.opened.wait()
        if run.warm is not None and run.warm.is_new:
            with suppress(TimeoutError):
                async with asyncio.timeout(LET_BEGIN):
                    await run.ready.wait()
    await run.urls.fetch_ahead()


def _names(assignment: Assignment) -> list[str]:
    pairs = (
        (image_name(assignment.work, frame.frame), thumbnail_name(frame.frame))
        for frame in assignment.frames
    )
    return [LOG_NAME, *(name for pair in pairs for name in pair)]


def _with_next(
    assignment: Assignment, folder: Path
) -> Iterator[tuple[Frame, Ahead, Ahead | None]]:
    """Yield each frame, what is asked for it, and what will be asked for next."""
    frames = assignment.frames
    asked = [(one.frame, folder / image_name(assignment.work, one.frame)) for one in frames]
    yield from zip(frames, asked, (*asked[1:], None), strict=True)


def _noting(run: _Job) -> Callable[[float], None]:
    def note(done: float) -> None:
        run.held.done = done
        run.ready.set()

    return note


async def _stopped(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks and wait until they are over, whatever they ended with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _cut(log: Path, start: int, piece: Path) -> None:
    """Write to `piece` what the log holds from `start`, the end of it where it is long."""
    if not log.exists():
        piece.touch()
        return
    with log.open("rb") as source:
        end = source.seek(0, os.SEEK_END)
        source.seek(max(start, end - _LOG_BYTES))
        piece.write_bytes(source.read())
