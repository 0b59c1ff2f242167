"""The whole protocol on an invented clock: no law broken, the same bytes twice, mutants found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lightmill.scheduler.simulation.crew import Crew
from lightmill.scheduler.simulation.fairness import jain
from lightmill.scheduler.simulation.laws import LAWS, BrokenLawError, hold
from lightmill.scheduler.simulation.mutants import MUTANTS, Mutant, hunt
from lightmill.scheduler.simulation.night import Night, Outcome
from lightmill.scheduler.simulation.report import HEAD, lines
from lightmill.scheduler.simulation.scenario import Scenario, ScenarioError, load, names, parse
from lightmill.scheduler.simulation.survey import nights, storms

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


@pytest.mark.parametrize("number", range(20))
def test_no_policy_is_broken_while_everything_goes_wrong(number: int) -> None:
    outcome = night("any-policy", f"policies.{number}")
    assert outcome.broken is None
    assert outcome.completed + outcome.failed + outcome.cancelled == outcome.jobs > 0


def test_a_job_goes_on_whose_predecessor_is_cancelled_in_the_turn_that_takes_it_in() -> None:
    assert night("any-policy", "7.2").broken is None


def test_policies_differ_from_farm_to_farm() -> None:
    drawn = [Night(load("any-policy"), str(seed)).database.rows.policy for seed in range(12)]
    assert all(policy is not None for policy in drawn)
    policies = [policy for policy in drawn if policy is not None]
    assert {policy.preemption for policy in policies} == {True, False}
    assert len({policy.limits["licence"].total for policy in policies}) > 1
    assert len({len(policy.shares) for policy in policies}) > 1


def test_a_lacking_licence_fails_frames_and_no_job() -> None:
    outcome = night("licences", "2")
    assert outcome.broken is None
    assert outcome.failures["licence"] > 0
    assert outcome.completed == outcome.jobs


def test_a_sick_machine_is_quarantined_and_too_little_memory_answered() -> None:
    outcome = night("sick-machine", "1")
    assert outcome.broken is None
    assert outcome.quarantines > 0
    assert outcome.failures["out_of_memory"] > 0
    assert outcome.completed > 0


def test_backlogged_users_get_what_their_weights_say() -> None:
    outcome = night("fair-shares", "1")
    assert outcome.broken is None
    assert outcome.fair_beats > 0
    assert outcome.jain is not None
    assert outcome.jain >= 0.95
    assert outcome.waits.keys() <= {"ann", "bob", "cat", "dan"}


def test_one_who_has_everything_makes_a_farm_unfair() -> None:
    assert jain([1.0, 1.0, 1.0, 1.0]) == 1.0
    assert jain([4.0, 0.0, 0.0, 0.0]) == 0.25


def test_the_report_tells_waits_by_user_and_is_the_same_bytes_twice() -> None:
    first, second = (nights("any-policy", ["1", "2"], Crew()) for _ in range(2))
    told = [*lines(first), json.dumps(first.as_dict())]
    assert told == [*lines(second), json.dumps(second.as_dict())]
    assert HEAD.split()[-5:] == ["makespan/bound", "wait", "longest", "Jain", "broken"]
    for user, seconds in first.waits.items():
        wait = first.wait(user)
        text = f"{wait.jobs} jobs waited {wait.median:.1f} s, at most {max(seconds):.1f} s"
        assert f"  {user}: {text}" in told
    assert len(first.waits) > 1


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
    assert outcome.lost == 0
    assert outcome.attempts <= 104  # what waits behind a frame is recalled for an idle machine
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
    with pytest.raises(ScenarioError, match=r"many.*there are .*total"):
        parse("mine", "[policy.limits.licence]\nmany = 3\n")
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
