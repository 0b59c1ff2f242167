"""Builds the render node from its settings: the one place that names concrete adapters."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import structlog

from lightmill.broker.ports import Broker
from lightmill.domain.hours import hours_of
from lightmill.domain.resources import Offer
from lightmill.render_node.adapters import machine
from lightmill.render_node.adapters.contents import FolderContents
from lightmill.render_node.adapters.graphics import gpus
from lightmill.render_node.adapters.http import HttpApi, HttpEnrolment, HttpTransfers
from lightmill.render_node.adapters.identity_file import IdentityFile, IdentityFileError
from lightmill.render_node.adapters.journal import opened_journal, peek
from lightmill.render_node.adapters.notices import notices_from
from lightmill.render_node.adapters.state_folder import (
    StateFolderError,
    claimed,
    drain,
    is_claimed,
)
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.render_node.adapters.surroundings import Machine, pause, paused, resume, told
from lightmill.render_node.adapters.workspaces import FolderWorkspaces
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.core.attempts import Attempts
from lightmill.render_node.core.hindrances import Judgement, Rules
from lightmill.render_node.engines import installation
from lightmill.render_node.engines.archives import ImagesAndArchives
from lightmill.render_node.engines.assembly import AssemblyEngine
from lightmill.render_node.engines.beds import Beds
from lightmill.render_node.engines.child_watch import watch_by_descriptor
from lightmill.render_node.engines.configured import blenders, configured
from lightmill.render_node.engines.films import FilmsAndImages
from lightmill.render_node.engines.launching import shells_can_wait
from lightmill.render_node.engines.leftovers import kill_leftovers
from lightmill.render_node.engines.nursery import Nursery
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.render_node.engines.sandbox import no_sandbox
from lightmill.render_node.engines.self_test import faults_of
from lightmill.render_node.ports import (
    Api,
    Images,
    NodeIdentity,
    Notices,
    Renderers,
    Surroundings,
    Transfers,
    Workspaces,
)
from lightmill.render_node.use_cases.deliver_frame import DeliverFrame
from lightmill.render_node.use_cases.enrol_node import (
    EnrolNode,
    NotEnrolledError,
    require_admitted,
)
from lightmill.render_node.use_cases.fetch_bundle import FetchBundle
from lightmill.render_node.use_cases.keep_session import KeepSession
from lightmill.render_node.use_cases.keep_warm import KeepWarm
from lightmill.render_node.use_cases.live import Live
from lightmill.render_node.use_cases.run_attempt import RunAttempt
from lightmill.render_node.use_cases.run_attempts import RunAttempts
from lightmill.render_node.use_cases.watch_machine import WatchMachine
from lightmill.runtime import health
from lightmill.runtime.clock import Clock, SystemClock

_log = structlog.get_logger(__name__)
_TIMEOUT = httpx2.Timeout(30.0, pool=None)
_KEPT_FOR_THE_SYSTEM = 0.1


class SandboxTooWeakError(Exception):
    """Engines cannot be shut in as the settings demand."""


__all__ = [
    "REFUSALS",
    "Outside",
    "built",
    "drain",
    "installation",
    "offered",
    "pause",
    "resume",
    "run",
    "status",
]

REFUSALS = (NotEnrolledError, SandboxTooWeakError, StateFolderError, IdentityFileError)
"""Why a node does not start; each message says what a person has to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a node works with that is not a file of its own.

    Attributes:
        surroundings: The machine; None: nobody looks after it.
        notices: Who would take it away; None: nobody.
        faulty: Engines not to be offered, with the reason.
    """

    broker: Broker
    clock: Clock
    api: Api
    transfers: Transfers
    renderers: Renderers
    images: Images
    node_id: str
    surroundings: Surroundings | None = None
    notices: Notices | None = None
    faulty: Mapping[str, str] = field(default_factory=dict)


async def run(settings: NodeSettings, broker: Broker, clock: Clock, stop: asyncio.Event) -> None:
    """Run a render node until `stop` is set and its work has ended.

    Raises:
        NotEnrolledError: the farm does not admit the node.
        SandboxTooWeakError: engines cannot be shut in as the settings demand.
        StateFolderError: the state folder is in use or cannot be written.
    """
    watch_by_descriptor()
    async with AsyncExitStack() as stack:
        stack.enter_context(structlog.contextvars.bound_contextvars(node=settings.node_name))
        folder = stack.enter_context(claimed(settings.node_state_dir))
        await asyncio.to_thread(kill_leftovers, folder)
        client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=settings.api_url, timeout=_TIMEOUT)
        )
        identity = await _enrol(settings, client)
        api = HttpApi(client, identity.token)
        await require_admitted(api)
        nursery, beds = await _nursery(stack), await _beds(stack)
        renderers = await asyncio.to_thread(_installed, settings, nursery, beds)
        faulty = await faults_of(renderers, folder) if settings.node_self_test else {}
        outside = Outside(
            broker=broker,
            clock=clock,
            api=api,
            transfers=HttpTransfers(client),
            renderers=renderers,
            images=_images(),
            node_id=identity.node_id,
            surroundings=Machine(folder, clock, count_others=settings.node_busy_share is not None),
            notices=notices_from(settings.node_spot, clock),
            faulty=faulty,
        )
        await (await stack.enter_async_context(built(settings, outside)))(stop)


def offered(settings: NodeSettings) -> dict[str, object]:
    """Return the engines that a node would offer here, and how they are shut in."""
    found = _installed(settings)
    engines = {name: list(versions) for name, versions in found.engines().items()}
    return {"engines": engines, "sandbox": found.sandbox}


def status(settings: NodeSettings) -> dict[str, object]:
    """Return who the node is, whether it runs, and what its journal holds.

    Raises:
        IdentityFileError: the file with the node's identity is damaged.
        StateFolderError: the state folder cannot be used.
    """
    folder = settings.node_state_dir
    identity = IdentityFile(folder / "identity.json").read()
    kept = peek(folder / "journal.sqlite")
    return {
        "name": settings.node_name,
        "node_id": identity.node_id if identity else None,
        "state_folder": str(folder),
        "running": folder.is_dir() and is_claimed(folder),
        "hindrances": told(folder),
        "paused": paused(folder),
        "held": list(kept.abandoned),
        "not_settled": [finish.attempt_id for finish in kept.finishes],
    }


@asynccontextmanager
async def built(settings: NodeSettings, outside: Outside) -> AsyncIterator[Live]:
    """Put a node together on its state folder, with what its journal remembers.

    Raises:
        SandboxTooWeakError: engines cannot be shut in as the settings demand.
    """
    folder = settings.node_state_dir
    offer = await asyncio.to_thread(_offer, settings, outside)
    workspaces = FolderWorkspaces(folder / "workspace")
    # Nothing that was held before is held now, and whatever was delivered is in the store.
    await asyncio.to_thread(workspaces.forget_all)
    warm = KeepWarm(
        renderers=outside.renderers,
        workspaces=workspaces,
        offer=offer,
        clock=outside.clock,
        idle_seconds=settings.node_idle_seconds,
    )
    fetch = _fetch(settings, outside, workspaces)
    runs = _runs(settings, outside, fetch, warm, workspaces)
    async with opened_journal(folder / "journal.sqlite") as journal:
        kept = await journal.kept()
        if kept.abandoned:
            _log.warning("attempts were lost when the node ended", attempts=kept.abandoned)
        attempts = RunAttempts(
            attempts=Attempts(
                offer,
                epoch=kept.epoch,
                finishes=kept.finishes,
                refused=kept.refused,
                max_waiting=settings.node_max_waiting,
            ),
            journal=journal,
            runs=runs,
            clock=outside.clock,
        )
        session = KeepSession(
            broker=outside.broker,
            clock=outside.clock,
            attempts=attempts,
            node_id=outside.node_id,
            name=settings.node_name,
        )
        async with _watched(settings.node_health_port, session):
            yield Live(
                attempts=attempts,
                session=session,
                warm=warm,
                drain_seconds=settings.node_drain_seconds,
                watch=_watch(settings, outside, attempts, fetch),
            )


def _fetch(settings: NodeSettings, outside: Outside, workspaces: Workspaces) -> FetchBundle:
    return FetchBundle(
        api=outside.api,
        transfers=outside.transfers,
        contents=FolderContents(settings.node_state_dir / "contents"),
        workspaces=workspaces,
        ceiling=settings.node_store_bytes,
        disk_floor=settings.node_disk_floor,
    )


def _runs(
    settings: NodeSettings,
    outside: Outside,
    fetch: FetchBundle,
    warm: KeepWarm,
    workspaces: Workspaces,
) -> RunAttempt:
    deliver = DeliverFrame(
        images=outside.images,
        transfers=outside.transfers,
        node=settings.node_name,
        log_seconds=settings.node_log_seconds,
    )
    return RunAttempt(
        api=outside.api,
        fetch=fetch,
        warm=warm,
        deliver=deliver,
        workspaces=workspaces,
        clock=outside.clock,
    )


def _watch(
    settings: NodeSettings, outside: Outside, attempts: RunAttempts, fetch: FetchBundle
) -> WatchMachine | None:
    if outside.surroundings is None:
        return None
    rules = Rules(
        hours=hours_of(settings.node_hours),
        disk_floor=settings.node_disk_floor,
        hottest=settings.node_hottest,
        busy_share=settings.node_busy_share,
    )
    return WatchMachine(
        attempts=attempts,
        judge=Judgement(rules),
        surroundings=outside.surroundings,
        notices=outside.notices or notices_from("", outside.clock),
        make_room=fetch.make_room,
    )


def _images() -> Images:
    from lightmill.render_node.engines.images import (  # noqa: PLC0415  # heavy, and no command but `run` needs it
        OpenImageIoImages,
    )

    return FilmsAndImages(ImagesAndArchives(OpenImageIoImages()))


async def _nursery(stack: AsyncExitStack) -> Nursery | None:
    """Return who starts engines without walls, where the kernel knows how."""
    if sys.platform != "linux":
        return None
    nursery = Nursery()
    stack.push_async_callback(nursery.close)
    return nursery


async def _beds(stack: AsyncExitStack) -> Beds | None:
    """Return who has shells wait to become engines, where those can be told what they need."""
    if not await asyncio.to_thread(shells_can_wait):
        return None
    beds = Beds()
    stack.push_async_callback(beds.close)
    await beds.prepare()
    return beds


def _installed(
    settings: NodeSettings, nursery: Nursery | None = None, beds: Beds | None = None
) -> Renderers:
    clock = SystemClock()
    submissions = JournalSubmissions(settings.node_state_dir / "journal.sqlite", clock)
    return InstalledRenderers(
        settings.node_state_dir,
        None if settings.node_walls else no_sandbox(),
        enable_simulated=settings.node_simulated,
        engines=(
            *blenders(settings),
            *configured(settings, submissions, clock),
            AssemblyEngine(),
        ),
        nursery=nursery,
        beds=beds,
    )


def _offer(settings: NodeSettings, outside: Outside) -> Offer:
    renderers = outside.renderers
    if not settings.accepts_sandbox(renderers.sandbox):
        raise SandboxTooWeakError(
            f"engines would run at level {renderers.sandbox}, but LIGHTMILL_NODE_SANDBOX demands"
            f" {settings.node_sandbox}; install bubblewrap and allow user namespaces, or lower it"
        )
    return Offer(
        cores=settings.node_cores or machine.cores(),
        ram=settings.node_ram or int(machine.ram() * (1 - _KEPT_FOR_THE_SYSTEM)),
        gpus=tuple(gpu for gpu in gpus() if settings.offers_gpu(gpu.index)),
        engines={
            name: versions
            for name, versions in renderers.engines().items()
            if name not in outside.faulty
        },
        pools=settings.pools,
        sandbox=renderers.sandbox,
        faulty=outside.faulty,
    )


async def _enrol(settings: NodeSettings, client: httpx2.AsyncClient) -> NodeIdentity:
    token = settings.enrolment_token
    enrol = EnrolNode(
        identities=IdentityFile(settings.node_state_dir / "identity.json"),
        enrolment=HttpEnrolment(client, token.get_secret_value()) if token else None,
    )
    return await enrol(settings.node_name)


@asynccontextmanager
async def _watched(port: int, session: KeepSession) -> AsyncIterator[None]:
    if port == 0:
        yield
        return

    async def connected() -> bool:
        return session.connected

    async with health.serve(port, {"broker": connected}):
        yield
