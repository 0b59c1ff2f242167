"""Why a job waits: each reason in words that a person reads and fields that a program reads."""

from datetime import UTC, datetime

import pytest

from lightmill.scheduler.core.outlook import (
    Before,
    Cause,
    Reason,
    Situation,
    Standing,
    Use,
    WaitingStep,
    explain,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BUSY = {Standing.BUSY: 2}


def step(**more: object) -> WaitingStep:
    given = {"name": "frames", "frames": 10, "nodes": BUSY} | more
    return WaitingStep(**given)  # type: ignore[arg-type]  # a test's own shorthand


def why(*steps: WaitingStep, **more: object) -> tuple[Reason, ...]:
    return explain(Situation(job_id="job", steps=steps, **more))  # type: ignore[arg-type]  # same


def first(*steps: WaitingStep, **more: object) -> tuple[Cause, str, dict[str, object]]:
    reason = why(*steps, **more)[0]
    return reason.kind, reason.text, dict(reason.fields)


def test_nothing_waits_and_nothing_is_said() -> None:
    assert why(step(frames=0), paused=True) == ()


def test_paused() -> None:
    assert [r.kind for r in why(step(approval=True), paused=True)] == [Cause.PAUSED]


def test_after_another_job() -> None:
    kind, text, fields = first(step(), before=(Before(name="j1", state="PROCESSING"),))
    assert (kind, text) == (Cause.JOB, "It waits for job j1 to succeed, which is PROCESSING.")
    assert fields == {"job": "j1", "state": "PROCESSING", "must_succeed": True}


def test_approval() -> None:
    kind, text, _ = first(step(approval=True))
    assert kind is Cause.APPROVAL
    assert text == "Step frames waits until a person approves what was rendered before it."


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (Before(name="test", state="RUNNING"), "to succeed."),
        (Before(name="test", state="RUNNING", must_succeed=False), "to end."),
        (Before(name="test", state="RUNNING", each=True), "to succeed, frame by frame."),
    ],
)
def test_after_another_step(before: Before, words: str) -> None:
    kind, text, fields = first(step(before=(before,), approval=True))
    assert (kind, text) == (Cause.STEP, f"Step frames waits for step test {words}")
    assert fields["after"] == "test"


def test_a_retry_later() -> None:
    kind, text, fields = first(step(retry_at=NOON, retrying=2))
    assert kind is Cause.RETRY
    moment = "2026-01-01T12:00:00+00:00"
    assert text == f"2 frames of step frames failed; the next try is at {moment}."
    assert fields == {"step": "frames", "frames": 2, "at": moment}


def test_no_node_fits_and_which_need_is_in_the_way() -> None:
    kind, text, fields = first(step(nodes={}, obstacles={"tag gpu": 1, "64 GB RAM": 3}))
    assert kind is Cause.NO_NODE
    assert text == (
        "No node can serve step frames: 64 GB RAM (3 nodes without), tag gpu (1 node without)."
    )
    assert fields == {"step": "frames", "obstacles": {"64 GB RAM": 3, "tag gpu": 1}}


def test_there_are_no_nodes() -> None:
    assert first(step(nodes={}))[1] == "The farm has no nodes."


def test_a_limit_is_used_up() -> None:
    kind, text, fields = first(step(), limits=(Use(name="nuke", used=5, total=5),))
    assert (kind, text) == (Cause.LIMIT, "Limit nuke is used up: 5 of 5.")
    assert fields == {"limit": "nuke", "used": 5, "total": 5}


def test_a_limit_that_nobody_has_set_up() -> None:
    kind, text, _ = first(step(), limits=(Use(name="nuke", used=0, total=None),))
    assert kind is Cause.LIMIT
    assert text.startswith("Limit nuke is not set up")


def test_licences_on_hold() -> None:
    use = Use(name="arnold", used=1, total=5, held_until=NOON)
    kind, text, fields = first(step(), limits=(use,))
    assert kind is Cause.LICENCE
    assert text.startswith("Licences of arnold ran out")
    assert fields == {"limit": "arnold", "until": NOON.isoformat()}


def test_the_pools_ceiling() -> None:
    kind, text, _ = first(step(), pool=Use(name="remote", used=10, total=10))
    assert (kind, text) == (Cause.POOL, "Pool remote runs as many tasks as it may: 10 of 10.")


def test_the_share() -> None:
    kind, text, _ = first(step(), share=Use(name="User ann", used=8, total=8))
    assert (kind, text) == (
        Cause.SHARE,
        "User ann has all the cores that its burst allows: 8 of 8.",
    )


def test_fifo() -> None:
    found = why(step(), first="j1", ahead=3)
    assert [r.kind for r in found] == [Cause.FIFO, Cause.NODES]
    assert found[0].fields == {"job": "j1", "ahead": 3}


def test_priority_and_place_in_the_queue() -> None:
    found = why(step(), higher=1, ahead=4)
    assert [r.kind for r in found] == [Cause.PRIORITY, Cause.QUEUE, Cause.NODES]
    assert found[0].text == "1 job has a higher priority and the same machines."
    assert found[1].text == "It is number 5 in the queue for its machines."


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing.BUSY, "3 busy"),
        (Standing.RESERVED, "3 reserved for other work"),
        (Standing.BARRED, "3 barred for this job after its failures there"),
        (Standing.QUARANTINED, "3 quarantined after failures of several jobs"),
        (Standing.DRAINING, "3 draining"),
        (Standing.DISABLED, "3 disabled"),
        (Standing.OFFLINE, "3 offline"),
    ],
)
def test_how_the_nodes_stand_that_fit(standing: Standing, words: str) -> None:
    kind, text, fields = first(step(nodes={standing: 3}))
    assert (kind, text) == (Cause.NODES, f"3 nodes could serve it: {words}.")
    assert fields == {"nodes": 3, standing.value: 3}


def test_a_step_that_runs_on_does_not_hide_what_another_waits_for() -> None:
    blocked = step(name="main", before=(Before(name="test", state="RUNNING"),))
    found = why(step(name="test"), blocked)
    assert [r.kind for r in found] == [Cause.STEP, Cause.NODES]
