"""Puts the scheduler together: candidates stand by, one leads."""

import asyncio
import os
import socket
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from lightmill.broker.ports import Link, LinkLostError, Outgoing
from lightmill.messages.topology import SCHEDULER_INBOX, doorbells_queue, reports_queue
from lightmill.runtime import health
from lightmill.runtime.garbage import spare_the_living
from lightmill.runtime.ids import new_id
from lightmill.runtime.parts import Parts
from lightmill.runtime.persistence import again_and_again, reasons
from lightmill.scheduler.adapters.ended_attempts import SqlEndedAttempts
from lightmill.scheduler.adapters.error_reports import add_reports
from lightmill.scheduler.adapters.fact_log import FactLog
from lightmill.scheduler.adapters.given_up import UNREADABLE_JOB, GivenUpJobs
from lightmill.scheduler.adapters.leadership import begin_epoch
from lightmill.scheduler.adapters.ledger import SqlLedger
from lightmill.scheduler.adapters.recovery import Recovery
from lightmill.scheduler.adapters.unreadable import UnreadableJobsError
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.core.error_report import ErrorReport
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.handlers.inboxes import Heard, commands, reports, returned
from lightmill.scheduler.ports import Snapshot
from lightmill.scheduler.use_cases.decide import Decide, News
from lightmill.scheduler.use_cases.isolate import Isolate, Suspects
from lightmill.scheduler.use_cases.lead import Lead
from lightmill.scheduler.use_cases.sweep_files import SweepFiles
from lightmill.storage.sql.migration import require_current
from lightmill.storage.sql.named_lock import Guard, NamedLock
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema.scheduler import OUTBOX

_LOG = structlog.get_logger()
_NODES_A_BEAT = 500
_REPORTS = 4000
"""That a leader takes before it has acknowledged any: what a large farm says in a few beats."""


@dataclass(frozen=True, slots=True)
class _Term:
    epoch: int
    guard: Guard
    suspects: Suspects


async def run(settings: SchedulerSettings, parts: Parts, stop: asyncio.Event) -> None:
    """Stand for election, and lead whenever elected, until `stop` is set.

    Raises:
        SchemaOutdatedError: the database's schema is not the one that this code knows.
    """
    await require_current(parts.database)
    checks = {"database": parts.database.answers}
    watched = health.serve(settings.health_port, checks) if settings.health_port else nullcontext()
    async with watched, asyncio.TaskGroup() as tasks:
        # Whatever ends a term: memory is thrown away, the next begins from the database.
        term = partial(_term, settings, parts, Suspects())
        terms = again_and_again(term, partial(_keep, parts))
        campaign = tasks.create_task(terms)
        await stop.wait()
        campaign.cancel()


async def _term(settings: SchedulerSettings, parts: Parts, suspects: Suspects) -> None:
    name = settings.name or f"{socket.gethostname()}#{os.getpid()}"
    async with (
        parts.broker.connect(f"scheduler {name}") as link,
        asyncio.TaskGroup() as watching,
    ):
        # Before it leads, so that who takes over need not connect first.
        watching.create_task(_end_when_cut_off(link))
        async with NamedLock(parts.database, "leader").held() as guard:
            epoch = await begin_epoch(parts.database, name, parts.clock.now())
            with structlog.contextvars.bound_contextvars(epoch=epoch):
                _LOG.info("leading")
                await _lead(settings, parts, link, _Term(epoch, guard, suspects))


async def _lead(
    settings: SchedulerSettings,
    parts: Parts,
    link: Link,
    term: _Term,
) -> None:
    epoch = term.epoch
    inbox = await link.subscribe(SCHEDULER_INBOX)
    rung = await link.subscribe(doorbells_queue(epoch))
    reported = await link.subscribe(reports_queue(epoch), prefetch=_REPORTS)
    heard, relay = Heard(), Relay(parts.database, OUTBOX, parts.cache, parts.clock)
    with ExitStack() as closing:
        lead = await _take_over(settings, parts, link, term, (relay, closing))

        # Before anything is handed out: a farm that forgot its limits would break them.
        await lead.hear(News(policy=True))

        async def take_back(messages: Sequence[Outgoing]) -> None:
            await lead.hear(returned(messages))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_end_when_lost(term.guard))
            tasks.create_task(relay.run(link, take_back))
            tasks.create_task(lead.listen(commands(rung, heard)))
            tasks.create_task(lead.listen(commands(inbox, heard)))
            tasks.create_task(lead.listen(reports(reported, epoch)))
            tasks.create_task(lead.look_around())
            tasks.create_task(lead.tick())
            tasks.create_task(lead.turns())
            tasks.create_task(_sweep(settings, parts, epoch).forever())


async def _take_over(
    settings: SchedulerSettings,
    parts: Parts,
    link: Link,
    term: _Term,
    ends: tuple[Relay, ExitStack],
) -> Lead:
    """Rebuild the farm from the database and return the one who leads it."""
    relay, closing = ends
    epoch = term.epoch
    snapshot = await _snapshot(parts, epoch)
    beat = settings.beat * max(1.0, len(snapshot.nodes) / _NODES_A_BEAT)
    ledger = SqlLedger(
        parts.database, epoch=epoch, beat=beat, clock=parts.clock, leaving=relay.hand
    )
    now = parts.clock.now()
    record = FactLog(settings.fact_log) if settings.fact_log else None
    if record is not None:
        closing.callback(record.close)
        record.took_over(len(snapshot.jobs), beat, now)
    farm = Farm(beat=beat, new_id=record.noting(new_id) if record else new_id, now=now)
    farm.adopt(snapshot.jobs, snapshot.nodes, snapshot.ceilings)
    spare_the_living()
    decide = Decide(
        farm=farm,
        ledger=ledger,
        clock=parts.clock,
        committed=lambda: None,  # the ledger hands over what is to leave
        record=record,
        turned=record.turned if record else None,
        refused=Isolate(ledger, term.suspects),
    )
    return Lead(
        decide=decide,
        ledger=ledger,
        link=link,
        sent=relay.sent,
        clock=parts.clock,
        epoch=epoch,
        beat=beat,
        sweep=settings.sweep,
    )


async def _snapshot(parts: Parts, epoch: int) -> Snapshot:
    """Return what lives, without the jobs that cannot be read: those have failed then."""
    try:
        return await Recovery(parts.database).snapshot()
    except UnreadableJobsError as error:
        given_up = GivenUpJobs(parts.database, parts.clock, epoch=epoch)
        await given_up.fail(UNREADABLE_JOB, error.reasons)
        return await Recovery(parts.database).snapshot()


def _sweep(settings: SchedulerSettings, parts: Parts, epoch: int) -> SweepFiles:
    return SweepFiles(
        attempts=SqlEndedAttempts(parts.database, epoch=epoch),
        store=parts.store,
        clock=parts.clock,
        age=timedelta(seconds=settings.files_age),
        every=settings.files_sweep,
    )


async def _end_when_cut_off(link: Link) -> None:
    await link.lost()
    raise LinkLostError("the broker's connection is gone")


async def _end_when_lost(guard: Guard) -> None:
    await guard.lost()
    raise ConnectionError("the leader's lock is lost")


async def _keep(parts: Parts, error: Exception) -> None:
    """Count an error that nobody foresaw among the error reports, if the database answers."""
    report = ErrorReport(
        kind=type(error).__name__,
        message=reasons(error),
        stack="".join(traceback.format_exception(error)),
    )
    with suppress(Exception):
        async with parts.database.transaction() as connection:
            await add_reports(connection, parts.database.dialect, [report], parts.clock.now())
