"""A logged night gives the same decisions again."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from typing_extensions import override

from lightmill.domain.policy import Limit, Pool, Scaling, Share
from lightmill.scheduler.adapters.fact_log import FactLog
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import Fact
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.simulation.__main__ import main
from lightmill.scheduler.simulation.invented_node import machine
from lightmill.scheduler.simulation.replay import UnreadableLogError, replay
from lightmill.scheduler.simulation.stage import START, Stage
from lightmill.scheduler.use_cases.decide import Turn


class Logged(Farm):
    """Writes what it takes in, as a leader does."""

    log: FactLog

    @override
    def observe(self, fact: Fact, now: datetime) -> None:
        self.log(fact, now)
        super().observe(fact, now)

    @override
    def plan(self, now: datetime) -> None:
        super().plan(now)
        self.planned = now

    @override
    def take_changes(self) -> Changes:
        changes = super().take_changes()
        self.log.turned(Turn(born=tuple(a.id for a in changes.born)), self.planned)
        return changes


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "facts.jsonl"
    log = FactLog(path)
    log.took_over(0, 1.0, START)
    numbers = count()
    farm = Stage(machine("a"), machine("b", cores=2))
    farm.farm = Logged(beat=1.0, new_id=log.noting(lambda: f"{next(numbers):08}"), now=START)
    farm.farm.log = log
    farm.report()
    farm.ask("one", "1-12", test="1", chunk=2)
    farm.decree(
        Share(tenant_id="tenant", user="ann", weight=3.0, burst=2),
        Share(tenant_id="tenant", burst=5),
        arnold=Limit(name="arnold", total=1),
        pool=Pool(name="default", scaling=Scaling(initial=2, maximum=4)),
    )
    farm.ask("two", "1-9", priority=5, user="ann", spec={"limits": ("arnold",)})
    farm.render_everything()
    yield path
    log.close()


def test_every_turn_hands_out_what_it_handed_out_then(night: Path) -> None:
    found = replay(night.read_text().splitlines())
    assert found.differing == 0
    assert found.delivered == found.frames == 21
    assert (found.facts["JobAsked"], found.facts["PolicyChanged"]) == (2, 1)


def test_a_night_without_its_policy_differs(night: Path) -> None:
    lines = [line for line in night.read_text().splitlines() if "PolicyChanged" not in line]
    assert replay(lines).differing > 0


def test_the_command_says_so(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(night)]) == 0
    assert '"differing":0' in capsys.readouterr().out


def test_a_night_that_another_core_had_differs(night: Path) -> None:
    lines = [line for line in night.read_text().splitlines() if "two" not in line]
    assert replay(lines).differing > 0


def test_what_came_before_the_first_leader_of_the_log_is_left_out(night: Path) -> None:
    lines = night.read_text().splitlines()[1:]
    found = replay(lines)
    assert (found.turns, found.left_out > 0) == (0, True)


def test_a_line_of_somebody_else_is_named(night: Path) -> None:
    with pytest.raises(UnreadableLogError, match="line 2 is none of a leader's"):
        replay([*night.read_text().splitlines()[:1], "hello"])
