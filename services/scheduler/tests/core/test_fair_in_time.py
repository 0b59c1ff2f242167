"""Where tasks are large beside a share, users take turns: what was held lately counts too."""

from collections import Counter
from itertools import pairwise

import pytest
from services.scheduler.tests.core.test_sharing import running, stage

from lightmill.domain.policy import Share
from lightmill.domain.resources import Needs
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.stage import Stage

_WHOLE = Needs(cores=4, ram=1)


def hold(farm: Stage, minutes: int, frame: int = 20) -> Counter[str]:
    """Let tasks of `frame` seconds follow on each other; return how many of each job ended."""
    ended: Counter[str] = Counter()
    for _ in range(minutes * 60 // frame):
        farm.begin_all()
        farm.beats(frame)
        ended.update(running(farm))
        for node in farm.nodes.values():
            for attempt_id in list(node.held):
                node.finish(attempt_id, seconds=frame)
            farm.report(node.id)
    return ended


def test_two_users_take_turns_on_a_lone_machine() -> None:
    farm = stage(machine("a", cores=4))
    farm.ask("first", "1-1000", user="ann", needs=_WHOLE)
    farm.ask("second", "1-1000", user="bob", needs=_WHOLE)
    held = hold(farm, 40)
    assert 0.8 <= held["first"] / held["second"] <= 1.25


def test_turns_are_long_enough_for_a_scene_to_be_worth_opening() -> None:
    farm = stage(machine("a", cores=4))
    farm.ask("first", "1-1000", user="ann", needs=_WHOLE)
    farm.ask("second", "1-1000", user="bob", needs=_WHOLE)
    hold(farm, 40)
    jobs = [order.job_id for order in farm.assigned]
    changes = sum(one != other for one, other in pairwise(jobs))
    assert 2 <= changes <= len(jobs) / 3


def test_turns_follow_the_weights() -> None:
    farm = stage(machine("a", cores=4))
    farm.decree(Share(tenant_id="tenant", user="ann", weight=2.0))
    farm.ask("heavy", "1-1000", user="ann", needs=_WHOLE)
    farm.ask("light", "1-1000", user="bob", needs=_WHOLE)
    held = hold(farm, 60)
    assert 1.5 <= held["heavy"] / held["light"] <= 2.7


@pytest.mark.parametrize("alone", [10, 40])
def test_who_had_the_farm_alone_is_made_to_wait_for_minutes_not_for_hours(alone: int) -> None:
    farm = stage(*(machine(name, cores=4) for name in "abcd"))
    farm.ask("night", "1-10000", user="ann", needs=_WHOLE)
    hold(farm, alone)
    farm.ask("morning", "1-10000", user="bob", needs=_WHOLE)
    first, later = hold(farm, 20), hold(farm, 20)
    assert first["morning"] > first["night"] > 0
    assert abs(later["morning"] - later["night"]) < 0.5 * later.total()
