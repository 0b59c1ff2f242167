"""Whose turn it is: the same lane as a sort of all lanes at every hand-out would say."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Work
from lightmill.domain.policy import Policy, Share
from lightmill.domain.resources import Needs, Offer
from lightmill.domain.states import StepState
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.line import Line
from lightmill.scheduler.core.machine import Kind
from lightmill.scheduler.core.precedence import Precedence
from lightmill.scheduler.core.queue import Lane, Queue
from lightmill.scheduler.core.shares import Shares
from lightmill.scheduler.core.total import Total
from lightmill.scheduler.core.waiting import Waiting
from lightmill.scheduler.core.work import Attempt, Job, Step, Task

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = [Kind(Offer(cores=cores, ram=64)) for cores in (2, 64)]
DEMANDS = (
    Demand(Needs(cores=1, ram=1), "blender", kinds=KINDS),
    Demand(Needs(cores=1, ram=1), "blender", kinds=KINDS[:1]),
    Demand(Needs(cores=4, ram=1), "blender", kinds=KINDS[1:]),
)

Drawn = tuple[int, str, str, int, bool, int]
JOBS = st.lists(
    st.tuples(
        st.sampled_from((1, 1, 50)),  # priority
        st.sampled_from("ab"),  # tenant
        st.sampled_from("xyz"),  # user
        st.sampled_from(range(len(DEMANDS))),
        st.booleans(),  # of a FIFO pool
        st.integers(1, 3),  # frames
    ),
    min_size=1,
    max_size=12,
)


class Waiters:
    """Steps that wait, and shares that grow with every task."""

    def __init__(self, jobs: list[Drawn]) -> None:
        total = Total()
        total.add(Offer(cores=64, ram=64), 1)
        self.shares = Shares(total)
        weights: dict[tuple[str, str | None], Share] = {
            ("a", "x"): Share(tenant_id="a", user="x", weight=2, size=3)
        }
        self.shares.decree(Policy(shares=weights))
        self.queue = Queue()
        self.steps = [self._put(number, job) for number, job in enumerate(jobs)]

    def _put(self, number: int, job: Drawn) -> Step:
        priority, tenant, user, demand, fifo, frames = job
        spec = StepSpec(name="frames", frames=FrameSet.parse(f"1-{frames}"))
        made = Job(
            id=f"job{number:02}",
            tenant_id=tenant,
            owner_id=user,
            name="",
            bundle_id=None,
            spec=JobSpec(work=Work(engine="blender"), steps=(spec,), fifo=fifo),
            created_at=START + timedelta(seconds=number % 3),
            priority=priority,
            user=user,
        )
        step = Step(
            id=f"step{number:02}",
            job=made,
            position=0,
            spec=spec,
            waiting=Waiting(frames),
            state=StepState.READY,
        )
        made.steps.append(step)
        age = (made.created_at, made.id, True, 0)
        self.queue.put(step, DEMANDS[demand], self.shares.of(made), age)
        return step

    def hand_out(self, lane: Lane) -> Step:
        step = lane.head
        assert step is not None
        step.waiting.take_next(1)
        task = Task(id="", step=step, ordinals=(), created_at=START)
        cores = lane.demands[step.id].needs.cores or 1
        attempt = Attempt(id="", task=task, node_id="", session="", cores=cores, ram=1, gpus=())
        self.shares.add(attempt, 1)
        if not len(step.waiting):
            self.queue.remove(step)
        return step


def by_sorting(queue: Queue, full: set[Demand]) -> Lane | None:
    lanes = [
        (rank, number, lane)
        for number, lane in enumerate(queue.lanes)
        if (rank := lane.rank()) is not None and lane.demand not in full
    ]
    return min(lanes, default=(None, 0, None))[2]


@given(jobs=JOBS, full=st.sets(st.sampled_from(DEMANDS), max_size=1))
def test_it_is_the_turn_of_whoever_a_sort_of_all_would_put_first(
    jobs: list[Drawn], full: set[Demand]
) -> None:
    waiters = Waiters(jobs)
    line = Line(waiters.queue, full)
    while (lane := by_sorting(waiters.queue, full)) is not None:
        assert line.first() is lane
        waiters.hand_out(lane)
    assert line.first() is None


@given(jobs=JOBS)
def test_a_lane_that_is_dropped_stands_in_line_no_longer(
    jobs: list[Drawn],
) -> None:
    waiters = Waiters(jobs)
    line = Line(waiters.queue, set())
    seen = []
    while (lane := line.first()) is not None:
        seen.append(lane)
        line.drop()
    assert len(seen) == len(set(seen)) == len(list(waiters.queue.lanes))


@given(jobs=JOBS)
def test_as_many_jobs_go_before_a_step_as_a_look_at_every_lane_finds(
    jobs: list[Drawn],
) -> None:
    waiters = Waiters([(*job[:4], False, job[5]) for job in jobs])
    precedence = Precedence(waiters.queue)
    for step in waiters.steps:
        lane = waiters.queue.lane(step)
        assert lane is not None
        before = {other.id for other in waiters.steps if _goes_before(waiters.queue, other, step)}
        higher = {o.id for o in waiters.steps if o.id in before and _is_higher(o, step)}
        assert precedence.before(step, lane) == (len(higher), len(before))


def _goes_before(queue: Queue, one: Step, other: Step) -> bool:
    first, second = queue.lane(one), queue.lane(other)
    assert first is not None
    assert second is not None
    if first is second:
        return first.ages[one.id] < first.ages[other.id]
    ranks = first.rank(), second.rank()
    kinds = set(first.demands[one.id].kinds) & set(second.demands[other.id].kinds)
    return bool(kinds) and ranks[0] is not None and ranks[1] is not None and ranks[0] < ranks[1]


def _is_higher(one: Step, other: Step) -> bool:
    return one.job.priority > other.job.priority
