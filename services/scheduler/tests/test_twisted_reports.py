"""Whatever a machine says is buried as impossible, or the database takes what comes of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from pydantic import ValidationError
from services.scheduler.tests.test_recovery import NOW, SPEC, a_job, fact_of

from lightmill.domain.failures import FailureKind
from lightmill.messages.node_report import NodeReport, Outcome
from lightmill.runtime.ids import new_id
from lightmill.scheduler.adapters.leadership import begin_epoch
from lightmill.scheduler.adapters.ledger import SqlLedger
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.claims import fault_of
from lightmill.scheduler.core.facts import BeatPassed, Fact, NodeReported
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.storage.sql.database import Database

REPORTS = 150
NUMBERS = (
    *(0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 2**100),
    *(0.5, 1e9, 1e154, 1e308, -1e308, float("inf"), float("nan")),
)
TEXTS = (
    *("", "a", "é", "\0", "\ud800", "\U0001f600", "x" * 33, "x" * 300, "x" * 70_000, "../a"),
    *("RUNNING", "FAILED", "SUCCEEDED", "licence", "out_of_memory"),
)
OTHERS: tuple[object, ...] = (None, [], {}, True)
Document = dict[str, Any] | list[Any]
Path = tuple[str | int, ...]


@dataclass
class Leader:
    """Decides and commits, turn by turn."""

    ledger: SqlLedger
    farm: Farm
    now: datetime = NOW

    async def turn(self, *facts: Fact) -> Changes:
        self.now += timedelta(seconds=1)
        for fact in (BeatPassed(), *facts):
            self.farm.observe(fact, self.now)
        self.farm.plan(self.now)
        changes = self.farm.take_changes()
        await self.ledger.commit(changes, self.now)
        return changes


async def test_whatever_a_machine_says_the_leader_goes_on(database: Database) -> None:
    epoch = await begin_epoch(database, "test", NOW)
    ledger = SqlLedger(database, epoch=epoch, beat=1.0)
    leader = Leader(ledger, Farm(beat=1.0, new_id=new_id, now=NOW))
    taken = 0
    for seed in range(REPORTS):
        random = Random(seed)  # noqa: S311  # so that a failure comes again
        node = machine(f"node{seed}", cores=3)
        job = fact_of(replace(a_job(f"job{seed}"), spec=replace(SPEC, after=())))
        changes = await leader.turn(node.report(), job)
        node.obey(changes.letters[node.id, "00000001"].assignments(), (), ())
        go_on(node, random)
        report = read(twisted(node.report().report, random))
        if report is not None:
            taken += 1
            await leader.turn(NodeReported(report))
    assert taken > REPORTS / 5  # so that it is seen what comes of them


def go_on(node: InventedNode, random: Random) -> None:
    """Begin everything, and end some of it in any way."""
    node.begin()
    for attempt_id in list(node.held)[:2]:
        outcome = random.choice(list(Outcome))
        failure = random.choice(list(FailureKind)) if outcome is Outcome.FAILED else None
        node.finish(attempt_id, outcome, failure, delivered=1)


def twisted(report: NodeReport, random: Random) -> str:
    """Return the report as it travels, with one or two values that are something else."""
    document = json.loads(report.body())
    for _ in range(random.randint(1, 2)):
        *path, last = random.choice(list(paths(document)))
        place = document
        for step in path:
            place = place[step]
        place[last] = random.choice(extremes(place[last]))
    return json.dumps(document)


def extremes(value: object) -> tuple[object, ...]:
    """Return what could stand where `value` does, mostly of its own sort."""
    if isinstance(value, str):
        return (*TEXTS, *OTHERS)
    return NUMBERS if isinstance(value, int | float) else (*OTHERS, *NUMBERS, *TEXTS)


def paths(document: Document, path: Path = ()) -> Iterator[Path]:
    """Yield where something stands in `document`."""
    inside = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def read(body: str) -> NodeReport | None:
    """Return what the leader's inbox takes in of it."""
    try:
        report = NodeReport.model_validate_json(body)
    except ValidationError:
        return None
    return report if fault_of(report) is None else None
