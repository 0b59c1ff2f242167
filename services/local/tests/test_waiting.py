"""Why a job waits, as `GET /jobs/{id}/waiting` of a whole farm tells it, reason by reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from services.local.tests.test_sharing import ONE, QUICK, Keeper, state, with_keeper

from lightmill.client.models import Reason
from lightmill.scheduler.core.outlook import Cause

pytestmark = pytest.mark.slow

ALL = {"cores": None, "ram": None}
LONG = {**QUICK, "seconds": 60}
Bring = Callable[[Keeper], str]
"""Brings a job to wait, and returns its id."""


def occupy(keeper: Keeper, **more: object) -> str:
    """Have both machines busy for long, and return the job that has them so."""
    job = keeper.shot("1-2", settings=LONG, needs=ALL, chunk=1, **more)
    keeper.becomes(lambda: len(keeper.attempts(job)) == 2)
    return job


def paused(keeper: Keeper) -> str:
    occupy(keeper)
    job = keeper.shot("1-4")
    keeper.pause(job)
    return job


def after_a_job(keeper: Keeper) -> str:
    return keeper.shot("1", after=[occupy(keeper)])


def unapproved(keeper: Keeper) -> str:
    return keeper.shot("1-3", test_frames="2", approval=True)


def after_a_step(keeper: Keeper) -> str:
    return keeper.shot("1-3", test_frames="2", settings=LONG)


def failed_lately(keeper: Keeper) -> str:
    retry = {"retries": 3, "first_wait": 600}
    return keeper.shot("1", settings={**QUICK, "fail_frames": [1]}, retry=retry)


def too_large(keeper: Keeper) -> str:
    return keeper.shot("1", needs={**ONE, "tags": ["nowhere"]}, allow_waiting=True)


def limited(keeper: Keeper) -> str:
    keeper.decide("limits/arnold", {"total": 1})
    return keeper.shot("1-4", settings=LONG, limits=["arnold"], chunk=1)


def without_a_licence(keeper: Keeper) -> str:
    keeper.decide("limits/arnold", {"total": 4})
    lacking = {**QUICK, "fail_frames": [1], "unlicensed": True}
    return keeper.shot("1-4", settings=lacking, limits=["arnold"], chunk=1)


def in_a_full_pool(keeper: Keeper) -> str:
    keeper.decide("pools/default", {"scaling": {"initial": 1, "maximum": 1}})
    return keeper.shot("1-4", settings=LONG, chunk=1)


def beyond_its_burst(keeper: Keeper) -> str:
    keeper.decide("shares/ann", {"burst": 1})
    return keeper.shot("1-4", settings=LONG, chunk=1, user_label="ann")


def in_line(keeper: Keeper) -> str:
    keeper.decide("pools/default", {"mode": "fifo"})
    for _ in range(2):
        keeper.shot("1-2", settings=LONG, needs=ALL, chunk=1)
    return keeper.shot("1", needs=ALL)


def less_urgent(keeper: Keeper) -> str:
    occupy(keeper, priority=50)
    keeper.shot("1-50", settings=LONG, needs=ALL, chunk=1, priority=50)
    return keeper.shot("1", needs=ALL)


def younger(keeper: Keeper) -> str:
    occupy(keeper)
    keeper.shot("1-50", settings=LONG, needs=ALL, chunk=1)
    return keeper.shot("1", needs=ALL)


def without_nodes(keeper: Keeper) -> str:
    names = [node.id for node in keeper.nodes()]
    for node_id in names:
        keeper.drain(node_id)
    keeper.becomes(lambda: {state(keeper, node_id) for node_id in names} == {"DRAINING"})
    return keeper.shot("1")


REASONS: dict[Cause, Bring] = {
    Cause.PAUSED: paused,
    Cause.JOB: after_a_job,
    Cause.APPROVAL: unapproved,
    Cause.STEP: after_a_step,
    Cause.RETRY: failed_lately,
    Cause.NO_NODE: too_large,
    Cause.LIMIT: limited,
    Cause.LICENCE: without_a_licence,
    Cause.POOL: in_a_full_pool,
    Cause.SHARE: beyond_its_burst,
    Cause.FIFO: in_line,
    Cause.PRIORITY: less_urgent,
    Cause.QUEUE: younger,
    Cause.NODES: without_nodes,
}


def test_every_reason_that_there_is_is_brought_about() -> None:
    assert REASONS.keys() == set(Cause)


@pytest.mark.parametrize(("kind", "bring"), REASONS.items())
async def test_a_job_tells_why_it_waits(tmp_path: Path, kind: Cause, bring: Bring) -> None:
    def program(keeper: Keeper) -> None:
        job = bring(keeper)
        told: list[Reason] = []

        def tells() -> bool:
            told[:] = [reason for reason in keeper.waiting(job).reasons if reason.kind == kind]
            return bool(told)

        keeper.becomes(tells)
        assert told[0].text.endswith(".")

    await with_keeper(tmp_path, program)
