"""Orders that wait on a busy machine, called back for a better place."""

from lightmill.domain.states import AttemptState
from lightmill.scheduler.core import attempts
from lightmill.scheduler.core.asking import demand_of
from lightmill.scheduler.core.machine import Node
from lightmill.scheduler.core.placing import Search
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Attempt


def even_out(farm: FarmState) -> None:
    """Call back work that waits on a busy node while a machine that fits stands idle."""
    idle = _idle(farm)
    if not idle:
        return
    for attempt in [a for a in farm.attempts.values() if a.ahead]:
        if not idle:
            return
        if attempt.recalled or attempt.state is not AttemptState.ASSIGNED:
            continue
        fits = _fitting(farm, attempt, idle)
        if fits is not None and farm.tick > attempt.sent_at:
            attempts.recall(farm, attempt)
            del idle[fits.id]


def _idle(farm: FarmState) -> dict[str, Node]:
    return {
        node.id: node
        for kind in farm.fleet.kinds
        for nodes in kind.rooms.values()
        for node in nodes.values()
        if not node.held
    }


def _fitting(farm: FarmState, attempt: Attempt, idle: dict[str, Node]) -> Node | None:
    step = attempt.task.step
    demand = demand_of(farm, step)
    look = Search(farm, step, demand)
    return next(
        (n for n in idle.values() if farm.fleet.kind_of(n) in demand.kinds and look.suits(n)),
        None,
    )
