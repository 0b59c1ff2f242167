"""Owners of jobs: they hand in, change their minds, and in the end let everything run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Wanted, Work, steps_with_test
from lightmill.domain.resources import Needs
from lightmill.domain.states import JobState
from lightmill.messages.job_wanted import JobWanted
from lightmill.scheduler.core.facts import JobAsked
from lightmill.scheduler.simulation.broker import INBOX, Broker
from lightmill.scheduler.simulation.commissions import Commission, drawn
from lightmill.scheduler.simulation.database import LIVE_JOBS, Database
from lightmill.scheduler.simulation.keeper import TENANT
from lightmill.scheduler.simulation.kernel import START, Kernel
from lightmill.scheduler.simulation.scenario import Scenario

ENGINE = "simulated"


class Patrons:
    """Plays the api: writes what is wanted, and rings the doorbell if that is not lost."""

    def __init__(
        self,
        kernel: Kernel,
        broker: Broker,
        database: Database,
        loses_doorbell: Callable[[], bool],
    ) -> None:
        self.kernel = kernel
        self.broker = broker
        self.database = database
        self.expected = 0
        self.work: dict[str, Commission] = {}
        self._loses_doorbell = loses_doorbell
        self._open = True

    def begin(self, scenario: Scenario) -> None:
        """Hand in jobs during the first half of the storm, and change minds until its end."""
        size = scenario.size
        self.expected = round(self.kernel.draw(size.jobs))
        for number in range(self.expected):
            moment = 0.0 if number == 0 else self.kernel.draw((0.0, size.storm / 2))
            hand_in = self._commission if scenario.work else self._hand_in
            self.kernel.at(moment, hand_in, f"job{number:03}", scenario)
        changes = {
            "cancel": self._cancel,
            "pause": self._pause,
            "retry": self._retry,
            "hurry": self._hurry,
            "approve": self._approve,
        }
        for name, change in changes.items():
            self._expect(getattr(scenario.artists, name), change)
        self.kernel.at(size.storm, self._let_run)

    @property
    def live(self) -> list[str]:
        """Return the jobs that have not ended, or were not taken in."""
        rows = self.database.rows
        return [
            job_id
            for job_id in rows.asked
            if job_id not in rows.jobs
            or rows.jobs[job_id].state in LIVE_JOBS
            or rows.jobs[job_id].applied_version < rows.asked[job_id].version
        ]

    def _hand_in(self, job_id: str, scenario: Scenario) -> None:
        kernel, size = self.kernel, scenario.size
        count = round(kernel.draw(size.frames))
        test = FrameSet.parse("1") if count > 1 and kernel.chance(size.tests) else None
        chunk = round(kernel.draw(size.chunk))
        steps = steps_with_test(FrameSet.parse(f"1-{count}"), test, stop=kernel.chance(0.5))
        wide = size.cores[1] > 1 and kernel.chance(size.wide)
        spec = JobSpec(
            work=Work(engine=ENGINE),
            steps=tuple(_chunked(step, chunk) for step in steps),
            needs=Needs() if kernel.chance(size.whole) else Needs(cores=2 if wide else 1, ram=1),
            fifo=kernel.chance(0.1),
        )
        self._submit(job_id, spec)

    def _commission(self, job_id: str, scenario: Scenario) -> None:
        before = next(reversed(self.work), None)
        work = self.work[job_id] = drawn(scenario.work, ENGINE, before, self.kernel)
        self._submit(job_id, work.spec, work.kind.user, work.priority)

    def _submit(self, job_id: str, spec: JobSpec, user: str = "owner", priority: int = 1) -> None:
        asked = JobAsked(
            job_id=job_id,
            tenant_id=TENANT,
            owner_id=user,
            user=user,
            name=job_id,
            bundle_id=None,
            spec=spec,
            wanted=Wanted.RUN,
            paused=False,
            priority=priority,
            retries_wanted=0,
            cleanups_wanted=0,
            version=1,
            created_at=START + timedelta(seconds=self.kernel.seconds),
        )
        self._ask(asked)

    def _ask(self, asked: JobAsked) -> None:
        moment = START + timedelta(seconds=self.kernel.seconds)
        self.database.ask(asked, moment)
        if not self._loses_doorbell():
            wanted = JobWanted(job_id=asked.job_id, version=asked.version)
            self.broker.publish(None, INBOX, wanted)

    def _change(self, job_id: str, **changed: object) -> None:
        asked = self.database.rows.asked[job_id]
        self._ask(replace(asked, version=asked.version + 1, **changed))  # type: ignore[arg-type]  # fields of JobAsked

    def _expect(self, rate: float, change: Callable[[], None]) -> None:
        if rate > 0:
            wait = self.kernel.random.expovariate(rate / 60)
            self.kernel.later(wait, self._happen, rate, change)

    def _happen(self, rate: float, change: Callable[[], None]) -> None:
        if self._open:
            change()
            self._expect(rate, change)

    def _one(self) -> str | None:
        live = self.live
        return self.kernel.random.choice(live) if live else None

    def _cancel(self) -> None:
        if job_id := self._one():
            self._change(job_id, wanted=Wanted.CANCEL)

    def _pause(self) -> None:
        if job_id := self._one():
            self._change(job_id, paused=not self.database.rows.asked[job_id].paused)

    def _hurry(self) -> None:
        if job_id := self._one():
            self._change(job_id, priority=self.kernel.random.randrange(100))

    def _approve(self) -> None:
        waits = [job_id for job_id in self.live if self._wants_approval(job_id)]
        if waits:
            self._change(self.kernel.random.choice(waits), approved=True)

    def _wants_approval(self, job_id: str) -> bool:
        asked = self.database.rows.asked[job_id]
        return not asked.approved and any(step.approval for step in asked.spec.steps)

    def _retry(self) -> None:
        rows = self.database.rows
        failed = [row.id for row in rows.jobs.values() if row.state is JobState.FAILED]
        if failed:
            job_id = self.kernel.random.choice(failed)
            self._change(job_id, retries_wanted=rows.asked[job_id].retries_wanted + 1)

    def _let_run(self) -> None:
        self._open = False
        for job_id, asked in list(self.database.rows.asked.items()):
            if asked.paused or self._wants_approval(job_id):
                self._change(job_id, paused=False, approved=True)


def _chunked(step: StepSpec, chunk: int) -> StepSpec:
    return replace(step, chunk=chunk)
