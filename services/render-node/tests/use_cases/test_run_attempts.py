"""What a node does with orders while other things happen."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from node_twins import assignment, until
from typing_extensions import override

from lightmill.broker.in_process import InProcessBroker
from lightmill.domain.failures import FailureKind
from lightmill.domain.resources import Offer
from lightmill.messages.attempts_settled import AttemptsSettled, SettledAttempt
from lightmill.messages.node_report import Finish, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.render_node.core.attempts import Attempts
from lightmill.render_node.core.held import Held
from lightmill.render_node.ports import JobFolder, Kept, RenderFailedError
from lightmill.render_node.use_cases.keep_session import KeepSession
from lightmill.render_node.use_cases.run_attempt import Progress
from lightmill.render_node.use_cases.run_attempts import RunAttempts
from lightmill.runtime.clock import SystemClock


class SlowDisk:
    """A journal that takes its time over the ends of some attempts."""

    def __init__(self, *slow: str) -> None:
        self.slow = set(slow)
        self.asked: list[str] = []
        self.written = asyncio.Event()

    async def kept(self) -> Kept:
        return Kept()

    async def obeyed(self, epoch: int, taken: Sequence[str], refused: Sequence[str]) -> None:
        pass

    async def finished(self, finishes: Sequence[Finish]) -> None:
        names = {finish.attempt_id for finish in finishes}
        self.asked += names
        if names & self.slow:
            await self.written.wait()

    async def settled(self, attempt_ids: Sequence[str]) -> None:
        pass


class Work:
    """Ends what begins at once; the attempts without files fail before their turn."""

    def __init__(self, *without_files: str) -> None:
        self.without_files = without_files
        self.begun: list[str] = []
        self.may_end = asyncio.Event()

    async def __call__(self, held: Held, turn: asyncio.Event, progress: Progress) -> None:
        if held.attempt_id in self.without_files:
            raise RenderFailedError(FailureKind.MISSING_FILE, "no such file")
        await turn.wait()
        progress.began(held)
        self.begun.append(held.attempt_id)
        await self.may_end.wait()
        progress.rendered(held)

    async def forget(self, job: JobFolder) -> int:  # noqa: ARG002  # it has none
        return 0


class Awaited(RunAttempts):
    """Says when somebody waits for what it has told."""

    def __init__(self, finish: Finish) -> None:
        offer = Offer(cores=1, ram=2**32, engines={})
        attempts = Attempts(offer, finishes=(finish,))
        super().__init__(attempts=attempts, journal=SlowDisk(), runs=Work(), clock=SystemClock())
        self.waited_for = asyncio.Event()

    @override
    async def until_settled(self, names: AbstractSet[str] | None = None) -> None:
        self.waited_for.set()
        await super().until_settled(names)


class Hurried(SystemClock):
    """A clock by which a minute passes between any two looks."""

    def __init__(self) -> None:
        self.time = 0.0

    @override
    def monotonic(self) -> float:
        self.time += 60.0
        return self.time


def orders(*assign: Assignment) -> Orders:
    return Orders(epoch=1, beat=1.0, assign=assign)


async def test_orders_are_taken_while_an_attempt_that_failed_early_goes_to_the_disk() -> None:
    disk, work = SlowDisk("queued"), Work("queued")
    offer = Offer(cores=1, ram=2**32, engines={"simulated": ("1",)})
    node = RunAttempts(attempts=Attempts(offer), journal=disk, runs=work, clock=SystemClock())
    await node.obey(orders(assignment("running"), assignment("queued")))
    await until(lambda: work.begun == ["running"] and disk.asked == ["queued"])
    work.may_end.set()
    await node.obey(orders(assignment("next")))
    await until(lambda: "running" in disk.asked)
    await node.obey(orders(assignment("last")))
    disk.written.set()
    await until(lambda: len(node.attempts.finishes) == 4)
    assert work.begun == ["running", "next", "last"]
    failed = [f.attempt_id for f in node.attempts.finishes if f.outcome is Outcome.FAILED]
    assert failed == ["queued"]
    await node.stop()


async def test_a_session_ends_though_the_leader_answers_at_that_moment() -> None:
    node = Awaited(Finish(attempt_id="a", outcome=Outcome.SUCCEEDED))
    node.beat = 3600.0
    session = KeepSession(
        broker=InProcessBroker(), clock=Hurried(), attempts=node, node_id="1", name="n"
    )
    living = asyncio.create_task(session())
    await node.waited_for.wait()
    node.changed.set()
    await node.settle(AttemptsSettled(epoch=1, attempts=(SettledAttempt("a", applied=True),)))
    living.cancel()
    await asyncio.wait([living], timeout=25)
    assert living.cancelled()
