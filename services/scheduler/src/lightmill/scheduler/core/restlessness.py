"""Orders that wait on a busy machine, called back for a better place."""

from collections.abc import Iterator

from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.placing import Search
from lightmill.scheduler.core.state import FarmState


def even_out(farm: FarmState) -> None:
    """Call back work that waits on a busy node while a machine that fits has room for it.

    Whatever else could begin there has begun already: this follows on handing out. A machine
    takes back one order a beat.
    """
    free: dict[Demand, Iterator[Node]] = {}  # gone through once a beat, however many wait
    full: set[Demand] = set()
    taken: set[str] = set()
    waiting = AttemptState.ASSIGNED
    for attempt in farm.waiting_ahead:
        demand = demand_of(farm, attempt.task.step)
        if demand in full or attempt.recalled or attempt.state is not waiting:
            continue
        look = Search(farm, attempt.task.step, demand)
        nodes = free.setdefault(demand, look.free())
        node = next((node for node in nodes if node.id not in taken), None)
        if node is None:
            full.add(demand)
        elif look.suits(node) and farm.tick > attempt.sent_at:
            attempts.recall(farm, attempt)
            taken.add(node.id)
