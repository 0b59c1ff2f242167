"""What a node that errs or lies can do to the others: nothing."""

from dataclasses import replace

import pytest

from lightmill.domain.failures import FailureKind
from lightmill.domain.results import FrameResult
from lightmill.domain.states import JobState
from lightmill.messages.node_report import HeldState, Outcome
from lightmill.scheduler.core.facts import NodeReported
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*(nodes or (machine("a", cores=1),)))
    made.report()
    return made


def test_a_finish_from_a_node_that_does_not_hold_the_attempt_changes_nothing() -> None:
    farm = stage(machine("a", cores=1), machine("b", cores=1))
    farm.ask("job", "1")
    (holder,) = [node for node in farm.nodes.values() if node.held]
    (liar,) = [node for node in farm.nodes.values() if not node.held]
    attempt_id = next(iter(holder.held))
    liar.held[attempt_id] = holder.held[attempt_id]
    liar.finish(attempt_id)
    farm.report(liar.id)
    assert farm.settled[attempt_id] is False
    farm.beats()
    assert farm.cancelled == []
    farm.run_all(holder.id)
    assert farm.state("job") is JobState.COMPLETED


@pytest.mark.parametrize(
    "lie",
    [
        {"key": "tenants/other/jobs/job/attempts/a/0001.png"},
        {"key": "{prefix}../../0001.png"},
        {"key": "{prefix}" + "x" * 512},
        {"thumbnail_key": "tenants/other/assets/secret"},
        {"thumbnail_key": "{prefix}../../0001.jpg"},
        {"blake3": "0" * 65},
        {"blake3": "é"},
        {"size": 2**70},
        {"size": -1},
        {"width": 2**40},
        {"media_type": "x" * 100},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 1e154},
        {"peak_ram": -1},
        {"peak_ram": 2**63},
        {"samples": 2**31},
        {"key": None},
        {"engine": "x" * 33},
        {"engine": "é"},
    ],
)
def test_a_frame_that_cannot_be_a_result_of_the_attempt_counts_as_missing(
    lie: dict[str, object],
) -> None:
    farm = stage()
    farm.ask("job", "1")
    attempt_id = farm.assigned[0].attempt_id
    node = farm.nodes["a"]
    node.finish(attempt_id)
    finish = node.finishes[attempt_id]
    (honest,) = finish.delivered
    prefix = (honest.key or "").removesuffix("0001.png")
    told = {
        name: value.replace("{prefix}", prefix) if isinstance(value, str) else value
        for name, value in lie.items()
    }
    lying: FrameResult = replace(honest, **told)  # type: ignore[arg-type]  # on purpose
    node.finishes[attempt_id] = finish.model_copy(update={"delivered": (lying,)})
    farm.report()
    assert not farm.results
    farm.beats(3)
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.RECALLED])
def test_an_attempt_given_back_after_all_its_frames_ends_its_step(outcome: Outcome) -> None:
    farm = stage()
    farm.ask("job", "1-2", chunk=2)
    farm.nodes["a"].finish(farm.assigned[0].attempt_id, outcome, delivered=2)
    farm.report()
    assert farm.state("job") is JobState.COMPLETED


def test_frames_of_an_attempt_said_to_be_queued_end_its_step() -> None:
    farm = stage()
    farm.ask("job", "1")
    node = farm.nodes["a"]
    attempt_id = farm.assigned[0].attempt_id
    assignment = node.held[attempt_id]
    node.finish(attempt_id)
    delivered = node.finishes.pop(attempt_id).delivered
    node.held[attempt_id] = assignment
    report = node.report().report
    held = replace(report.held[0], delivered=delivered)
    assert held.state is HeldState.QUEUED
    farm.observe(NodeReported(report.model_copy(update={"held": (held,)})))
    node.crash()
    farm.report()
    assert farm.state("job") is JobState.COMPLETED


def test_what_a_node_tells_of_a_failure_is_kept_in_readable_length() -> None:
    farm = stage()
    farm.ask("job", "1")
    farm.nodes["a"].finish(farm.assigned[0].attempt_id, Outcome.FAILED, FailureKind.MISSING_FILE)
    (finish,) = farm.nodes["a"].finishes.values()
    told = finish.model_copy(update={"detail": "x" * 2_000_000})
    farm.nodes["a"].finishes[finish.attempt_id] = told
    farm.report()
    assert farm.state("job") is JobState.FAILED
    assert max(len(line.why) for line in farm.last.transitions) <= 1000
    assert len(farm.jobs["job"].error or "") <= 20_100
