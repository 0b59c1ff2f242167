"""Does what the leader orders, and knows what is true of the node."""

import asyncio
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog

from lightmill.domain.failures import FailureKind
from lightmill.domain.results import FrameResult
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import MOST_FREED, Finish, FreedWorkspace, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.render_node.core.attempts import Attempts, Obeyed
from lightmill.render_node.core.held import Held
from lightmill.render_node.ports import (
    AttemptGoneError,
    JobFolder,
    Journal,
    NotAdmittedError,
    RenderFailedError,
)
from lightmill.render_node.use_cases.run_attempt import Progress
from lightmill.runtime.clock import Clock

_log = structlog.get_logger(__name__)
_GATHER_FRAMES = 0.1
"""Seconds between two reports for the sake of frames alone: each is a commit of the leader's."""
_GATHER_STARTS = 0.1
"""Seconds until a start is told: it is nothing that the leader waits for, and short work ends
before that; meanwhile the engine has the machine for itself."""


class Runs(Protocol):
    """Who renders one attempt, and who keeps the files of its job."""

    async def __call__(self, held: Held, turn: asyncio.Event, progress: Progress) -> None:
        """Render and deliver every frame, once `turn` is set."""
        ...

    async def forget(self, job: JobFolder) -> int:
        """Delete the workspace of a job and return the bytes that came free."""
        ...


class RunAttempts:
    """Runs the attempts that are held, as many at once as fit.

    Attributes:
        attempts: What is true now.
        beat: Seconds between reports, as the leader wishes.
        changed: Set whenever a report would say something new.
        not_admitted: Set to the api's refusal when the node's token is no longer good.
    """

    def __init__(self, *, attempts: Attempts, journal: Journal, runs: Runs, clock: Clock) -> None:
        self.attempts = attempts
        self.beat = 1.0
        self.changed = asyncio.Event()
        self.not_admitted = asyncio.Event()
        self._journal = journal
        self._runs = runs
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._forget: set[JobFolder] = set()
        self._freed: dict[str, int] = {}
        self._settled = asyncio.Condition()
        self._told = 0.0
        self._telling: asyncio.TimerHandle | None = None

    @property
    def freed(self) -> tuple[FreedWorkspace, ...]:
        """What was deleted by order of the leader, the last ones, the oldest first."""
        return tuple(
            FreedWorkspace(job_id=job_id, bytes=size) for job_id, size in self._freed.items()
        )

    async def obey(self, orders: Orders) -> None:
        """Take responsibility for `orders`: on return they are held, and on the disk."""
        seen = self.attempts.epoch
        obeyed = self.attempts.obey(orders, self._clock.monotonic())
        if obeyed is None:
            _log.warning("orders of a former leader refused", epoch=orders.epoch, seen=seen)
            return
        self.beat = orders.beat
        self._forget.update(JobFolder(*job) for job in orders.forget_workspaces)
        await self._apply(obeyed)
        if obeyed.taken or obeyed.refused or seen != orders.epoch:
            taken = [assignment.attempt_id for assignment in obeyed.taken]
            await self._journal.obeyed(orders.epoch, taken, obeyed.refused)
        await self._forget_jobs()

    async def settle(self, settled: AttemptsSettled) -> None:
        """Forget what the leader has committed."""
        over = self.attempts.settle(settled)
        if over:
            await self._journal.settled(over)
            async with self._settled:
                self._settled.notify_all()

    async def drain(self, *, seconds: float, taken_away: bool = False) -> None:
        """Give back what has not begun, and return when the rest has ended.

        What has not ended after `seconds` is stopped, and ends as a fault of the node; or as given
        back where the machine is no longer the node's to have.
        """
        await self._apply(self.attempts.drain(self._clock.monotonic()))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        if taken_away:
            self.attempts.give_back()
        await self.stop()

    async def hinder(self, hindrances: tuple[str, ...]) -> None:
        """Take no orders while there are hindrances; what runs goes on, what waits goes back."""
        await self._apply(self.attempts.hinder(hindrances, self._clock.monotonic()))
        self.changed.set()

    async def stop(self) -> None:
        """Stop everything that runs; returns when its ends are in the journal."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until_settled(self, names: AbstractSet[str] | None = None) -> None:
        """Return when the leader has settled the ends of these attempts, or every end."""

        def settled() -> bool:
            left = (finish.attempt_id for finish in self.attempts.finishes)
            return not any(names is None or name in names for name in left)

        async with self._settled:
            await self._settled.wait_for(settled)

    def began(self, held: Held) -> None:
        """Take note that the engine is about to begin."""
        self.attempts.begin(held.attempt_id, self._clock.monotonic())

    def opened(self, held: Held) -> None:  # noqa: ARG002  # any of them is worth a report
        """Take note that the engine has begun."""
        self._tell_in(_GATHER_STARTS)

    def rendered(self, held: Held) -> None:
        """Take note that the engine has done its part, and start what that makes room for."""
        self.attempts.rendered(held.attempt_id)
        self._start_what_fits()

    def delivered(self, held: Held, result: FrameResult) -> None:
        """Take note that a frame is stored."""
        held.delivered[result.ordinal] = result
        if len(held.delivered) == len(held.assignment.frames):
            return  # the attempt's end follows, and tells of it
        now = asyncio.get_running_loop().time()
        if now >= self._told + _GATHER_FRAMES:
            self._tell()
        else:
            self._tell_in(self._told + _GATHER_FRAMES - now)

    def _tell_in(self, seconds: float) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._told = asyncio.get_running_loop().time()
        self.changed.set()

    async def _apply(self, obeyed: Obeyed) -> None:
        for assignment in obeyed.taken:
            self._launch(assignment)
        for name in obeyed.kill:
            if name in self._running:
                self._running[name].cancel()
        self._start_what_fits()
        if obeyed.ended:  # what begins says so itself, and what waits is in the next beat's report
            self.changed.set()
        await asyncio.sleep(0)  # a task that is cancelled before its first step says nothing
        if obeyed.ended:
            await self._journal.finished(obeyed.ended)

    def _launch(self, assignment: Assignment) -> None:
        held = self.attempts[assignment.attempt_id]
        turn = self._turns[held.attempt_id] = asyncio.Event()
        task = asyncio.create_task(self._see_through(held, turn), name=held.attempt_id)
        self._running[held.attempt_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_what_fits(self) -> None:
        for held in self.attempts.startable():
            self.attempts.reserve(held.attempt_id)
            self._turns[held.attempt_id].set()

    async def _see_through(self, held: Held, turn: asyncio.Event) -> None:
        """Run one attempt to its end and put the end into the journal."""
        with structlog.contextvars.bound_contextvars(
            attempt_id=held.attempt_id, job_id=held.assignment.job_id
        ):
            finish = await self._end(held, turn)
            # A cancel that comes from here on is late: what happened has happened.
            del self._running[held.attempt_id]
            if held.attempt_id in self.attempts:
                await self._journal.finished([finish])
                self.attempts.finish(finish)
                _log.info("attempt ended", outcome=finish.outcome, failure=finish.failure)
            del self._turns[held.attempt_id]  # not before: one that never began may get its turn
        self._start_what_fits()
        self.changed.set()
        await self._forget_jobs()

    async def _end(self, held: Held, turn: asyncio.Event) -> Finish:
        """Return how the attempt ended; one that was told to end ended because of that."""
        try:
            await self._runs(held, turn, self)
        except asyncio.CancelledError:
            return self._stopped(held)
        except Exception as error:  # noqa: BLE001  # the node lives on whatever one attempt does
            return self._broken(held, error) if held.killed is None else self._stopped(held)
        return held.ended(Outcome.SUCCEEDED, self._clock.monotonic())

    def _broken(self, held: Held, error: Exception) -> Finish:
        match error:
            case RenderFailedError():
                return self._failed(held, error.kind, error.detail)
            case AttemptGoneError():
                return held.ended(Outcome.CANCELLED, self._clock.monotonic(), detail=str(error))
            case NotAdmittedError():
                self.not_admitted.set()
                return self._failed(held, FailureKind.NODE, str(error))
            case _:
                _log.error("attempt failed by a fault of the node", exc_info=error)
                return self._failed(held, FailureKind.NODE, repr(error))

    def _stopped(self, held: Held) -> Finish:
        if held.killed is None:
            return self._failed(held, FailureKind.NODE, "the node was stopped")
        return held.ended(held.killed, self._clock.monotonic())

    def _failed(self, held: Held, kind: FailureKind, detail: str) -> Finish:
        now = self._clock.monotonic()
        return held.ended(Outcome.FAILED, now, failure=kind, detail=detail)

    async def _forget_jobs(self) -> None:
        """Delete the workspaces that are to be forgotten and that nothing uses."""
        for job in tuple(self._forget):
            if not self.attempts.holds_job(job.owner, job.job_id):
                self._forget.discard(job)
                try:
                    self._note_freed(job.job_id, await self._runs.forget(job))
                except OSError:
                    _log.exception("workspace not deleted", job_id=job.job_id)

    def _note_freed(self, job_id: str, size: int) -> None:
        self._freed[job_id] = self._freed.pop(job_id, 0) + size
        while len(self._freed) > MOST_FREED:
            del self._freed[next(iter(self._freed))]
        self.changed.set()
