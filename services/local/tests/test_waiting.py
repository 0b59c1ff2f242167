"""Why a job waits, as `GET /jobs/{id}/waiting` of a whole farm tells it, reason by reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from services.local.tests.test_sharing import ONE, QUICK, Keeper, state, with_keeper

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


@pytest.mark.parametrize(
    ("kind", "bring"),
    [
        ("paused", paused),
        ("job", after_a_job),
        ("approval", unapproved),
        ("step", after_a_step),
        ("retry", failed_lately),
        ("no_node", too_large),
        ("limit", limited),
        ("licence", without_a_licence),
        ("pool", in_a_full_pool),
        ("share", beyond_its_burst),
        ("fifo", in_line),
        ("priority", less_urgent),
        ("queue", younger),
        ("nodes", without_nodes),
    ],
)
async def test_a_job_tells_why_it_waits(tmp_path: Path, kind: str, bring: Bring) -> None:
    def program(keeper: Keeper) -> None:
        job = bring(keeper)
        keeper.becomes(lambda: kind in keeper.kinds(job))
        told = next(r for r in keeper.waiting(job).reasons if r.kind == kind)
        assert told.text.endswith(".")

    await with_keeper(tmp_path, program)
