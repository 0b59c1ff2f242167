"""The whole protocol on an invented clock: no law broken, the same bytes twice, mutants found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lightmill.scheduler.simulation.laws import LAWS, BrokenLawError, hold
from lightmill.scheduler.simulation.mutants import MUTANTS, Mutant, hunt
from lightmill.scheduler.simulation.night import Night, Outcome
from lightmill.scheduler.simulation.scenario import Scenario, ScenarioError, load, names, parse
from lightmill.scheduler.simulation.survey import storms

_FARMS = 50
_JUDGES = ("inspector", "commit_laws", "policy_laws")


def night(name: str, seed: str) -> Outcome:
    return Night(load(name), seed).run()


@pytest.mark.parametrize("number", range(_FARMS))
def test_no_law_is_broken(number: int) -> None:
    name = storms()[number % len(storms())]
    outcome = night(name, f"suite.{number}")
    assert outcome.broken is None
    assert outcome.completed + outcome.failed + outcome.cancelled == outcome.jobs > 0


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_seeded_fault_is_found(mutant: Mutant) -> None:
    catch = hunt(mutant, "suite")
    assert catch.law in LAWS


def test_scenarios_bring_what_they_promise() -> None:
    assert night("calm", "1").faults == 0
    assert night("node-crashes", "1").lost > 0
    assert night("leader-crashes", "1").terms > 3
    assert night("cancel-storm", "1").cancelled > 0


def test_a_farm_in_calm_is_close_to_the_bound() -> None:
    text = """
        [farm]
        nodes = [4, 4]
        cores = [2, 2]
        jobs = [1, 1]
        frames = [100, 100]
        seconds = [4.0, 4.0]
        chunk = [1, 1]
        tests = 0.0
        wide = 0.0
        whole = 0.0
    """
    outcome = Night(parse("even", text), "1").run()
    assert outcome.frames == 100
    assert outcome.attempts == 100
    assert 1.0 <= outcome.makespan / outcome.lower_bound < 1.15


def test_a_farm_that_cannot_settle_is_told_so() -> None:
    text = "[farm]\nstorm = 5.0\npatience = 1.0\nseconds = [30.0, 30.0]\n"
    outcome = Night(parse("hasty", text), "1").run()
    assert outcome.broken is not None
    assert outcome.broken.startswith("every_job_ends: ['job000'")


def test_a_seed_gives_the_same_bytes_twice_whatever_the_order_of_sets() -> None:
    command = [sys.executable, "-m", "lightmill.scheduler.simulation"]
    told = [
        subprocess.run(  # noqa: S603  # our own module
            [*command, "--replay", "everything", "7.1"],
            env={"PYTHONHASHSEED": order},
            capture_output=True,
            check=True,
        ).stdout
        for order in ("1", "2")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0])["jobs"] > 0
    assert night("everything", "7.1").as_dict() == json.loads(told[0])


def test_another_seed_gives_another_night() -> None:
    assert night("everything", "1") != night("everything", "2")


def test_a_scenario_that_cannot_be_read_says_why() -> None:
    with pytest.raises(ScenarioError, match="there are"):
        parse("mine", "[faults]\nmeteor = 1.0\n")
    with pytest.raises(ScenarioError, match="no part of a scenario"):
        parse("mine", "[weather]\nrain = 1.0\n")
    with pytest.raises(ScenarioError, match="no scenario 'none'"):
        load("none")


def test_every_file_is_a_scenario() -> None:
    assert {"calm", "everything", "hour"} <= set(names())
    for name in names():
        scenario = load(name)
        assert isinstance(scenario, Scenario)
        assert scenario.about


def test_every_law_that_the_code_names_is_listed() -> None:
    folder = Path(sys.modules[Night.__module__].__file__ or "").parent
    code = "".join((folder / f"{name}.py").read_text() for name in _JUDGES)
    assert len(LAWS) >= 12
    for law in LAWS:
        assert law in code
    with pytest.raises(BrokenLawError, match="every_job_ends: why"):
        hold("every_job_ends", holds=False, otherwise="why")
