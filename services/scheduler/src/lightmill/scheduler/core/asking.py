"""What the tasks of a step ask of a machine at present."""

from dataclasses import replace

from lightmill.domain.resources import stronger
from lightmill.scheduler.core.demand import Demand
from lightmill.scheduler.core.state import FarmState
from lightmill.scheduler.core.work import Step


def demand_of(farm: FarmState, step: Step) -> Demand:
    """Return what a task of `step` asks: its needs, its pool's, and what memory it has shown."""
    demand = farm.demands.get(step.id)
    if demand is None:
        demand = farm.demands[step.id] = _demand(farm, step)
    return demand


def _demand(farm: FarmState, step: Step) -> Demand:
    needs, least = step.needs, 0
    pool = farm.policy.pools.get(step.pool)
    if pool is not None:
        needs = replace(needs, sandbox=stronger(needs.sandbox, pool.sandbox))
    if step.ram is not None and needs.whole_machine:
        least = step.ram
    elif step.ram is not None:
        needs = replace(needs, ram=step.ram)
    return farm.fleet.demand(step.work.engine, needs, least)
