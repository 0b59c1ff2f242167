"""Builds the api from its settings and parts: the one place that names concrete adapters."""

import asyncio
import socket
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware

from lightmill.api.adapters.analyses import SqlAnalyses
from lightmill.api.adapters.assets import SqlAssets
from lightmill.api.adapters.bundles import SqlBundles
from lightmill.api.adapters.carrier import Carrier, outbox_relay
from lightmill.api.adapters.decisions import SqlDecisions
from lightmill.api.adapters.designs import SqlDesigns
from lightmill.api.adapters.hardware_configs import SqlHardwareConfigs
from lightmill.api.adapters.idempotency_keys import SqlIdempotencyKeys
from lightmill.api.adapters.jobs import Leaving, SqlJobs
from lightmill.api.adapters.materials import SqlGrants, SqlMaterials
from lightmill.api.adapters.parted_uploads import SqlPartedUploads
from lightmill.api.adapters.pruner import Pruner
from lightmill.api.adapters.retention import SqlEndedJobs, SqlRetentions, SqlUnneededAssets
from lightmill.api.adapters.tokens import SqlTokens
from lightmill.api.config import ApiSettings
from lightmill.api.core.engine_rules import EngineRules
from lightmill.api.handlers import (
    bundles,
    design_jobs,
    designs,
    files,
    hardware_configs,
    health,
    jobs,
    materials,
    nodes,
    objects,
    openapi,
    openjd_jobs,
    policy,
    problems,
    retention,
    scenes,
    sharing,
    sweeps,
    system,
    tasks,
    tokens,
    uploads,
)
from lightmill.api.handlers.body_limit import BodyLimit
from lightmill.api.handlers.gate import Gate
from lightmill.api.handlers.given import Collaborators, Signing, Uploads
from lightmill.api.handlers.idempotency import Idempotency
from lightmill.api.handlers.listener import Server, listening
from lightmill.api.handlers.trace import Trace
from lightmill.api.queries.designs import DesignQueries
from lightmill.api.queries.files import FileQueries
from lightmill.api.queries.frames import FrameQueries
from lightmill.api.queries.hardware import HardwareQueries
from lightmill.api.queries.history import HistoryQueries
from lightmill.api.queries.inputs import InputQueries
from lightmill.api.queries.jobs import JobQueries
from lightmill.api.queries.known_machines import KnownMachines
from lightmill.api.queries.nodes import NodeQueries
from lightmill.api.queries.outlook import OutlookQueries
from lightmill.api.queries.policy import PolicyQueries
from lightmill.api.queries.standings import Standings
from lightmill.api.queries.system import SystemQueries
from lightmill.api.queries.work import WorkQueries
from lightmill.api.use_cases.analyse_scene import AnalyseScene
from lightmill.api.use_cases.assemble_version import AssembleVersion
from lightmill.api.use_cases.change_job import ChangeJob
from lightmill.api.use_cases.clean_up import CleanUp
from lightmill.api.use_cases.collect_files import CollectFiles
from lightmill.api.use_cases.collect_garbage import CollectGarbage
from lightmill.api.use_cases.complete_upload import CompleteUpload
from lightmill.api.use_cases.expire_jobs import ExpireJobs
from lightmill.api.use_cases.find_presence import FindPresence
from lightmill.api.use_cases.find_scene import FindScene
from lightmill.api.use_cases.identify import Identify
from lightmill.api.use_cases.issue_token import IssueToken
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.make_design import MakeDesign
from lightmill.api.use_cases.make_material import MakeMaterial
from lightmill.api.use_cases.render_thumbnail import RenderThumbnail
from lightmill.api.use_cases.require_complete import RequireComplete
from lightmill.api.use_cases.send_in_parts import SendInParts
from lightmill.api.use_cases.serve_attempt import ServeAttempt
from lightmill.api.use_cases.store_content import StoreContent
from lightmill.api.use_cases.submit_design_job import DesignRules, SubmitDesignJob
from lightmill.api.use_cases.submit_job import SubmitJob
from lightmill.api.use_cases.submit_openjd import SubmitOpenJd
from lightmill.api.use_cases.submit_sweep import SubmitSweep
from lightmill.api.use_cases.survey_farm import SurveyFarm
from lightmill.api.use_cases.unpack_archive import UnpackArchive
from lightmill.api.use_cases.upload_file import CheckHashes, DeleteFile, UploadFile
from lightmill.api.use_cases.verify_file import VerifyFile
from lightmill.api.use_cases.write_script import WriteScript
from lightmill.runtime.health import Check
from lightmill.runtime.parts import Parts
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.migration import require_current
from lightmill.storage.sql.relay import Relay

_LOG = structlog.get_logger(__name__)
_GRACE_S = 10
ROUTERS = (  # a request is compared with each route in turn: what comes with every frame first
    objects.router,
    nodes.attempt_router,
    jobs.router,
    design_jobs.router,
    tasks.router,
    scenes.seed_router,
    files.seed_router,
    sweeps.router,
    openjd_jobs.router,
    bundles.router,
    designs.router,
    materials.router,
    sharing.router,
    files.router,
    uploads.router,
    retention.router,
    scenes.router,
    hardware_configs.router,
    nodes.router,
    policy.router,
    system.router,
    tokens.router,
    health.router,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """An api put together: what answers, what carries its messages away, what tidies up."""

    app: FastAPI
    carrier: Carrier
    pruner: Pruner
    collector: CollectGarbage


def assemble(settings: ApiSettings, parts: Parts) -> Assembly:
    """Return the api and the carrier of its outbox."""
    relay = outbox_relay(parts.database, parts.cache, parts.clock)
    carrier = Carrier(parts.broker, relay)
    app = described(_middleware(settings, parts))
    app.state.checks = _checks(parts, carrier)
    app.state.collaborators = _collaborators(settings, parts, relay, app.state.checks)
    return Assembly(
        app=app,
        carrier=carrier,
        pruner=Pruner(parts.database, parts.clock),
        collector=app.state.collaborators.collect_garbage,
    )


def collector(parts: Parts, leaving: Leaving = lambda _: None) -> CollectGarbage:
    """Return what deletes what nobody needs any more.

    Args:
        parts: What it stands on.
        leaving: Given what is left in the outbox, by whoever carries that.
    """
    database, clock, store = parts.database, parts.clock, parts.store
    return CollectGarbage(
        SqlRetentions(database, clock),
        CollectFiles(SqlPartedUploads(database, clock), SqlUnneededAssets(database), store),
        ExpireJobs(SqlEndedJobs(database, clock), SqlJobs(database, clock, leaving), store),
        store,
        clock,
    )


def described(middleware: Sequence[Middleware] = ()) -> FastAPI:
    """Return the routes with nothing behind them: enough for their OpenAPI document."""
    app = FastAPI(
        title="Lightmill",
        version="1",
        middleware=middleware,
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    openapi.install(app)
    return app


async def run(settings: ApiSettings, parts: Parts, stop: asyncio.Event) -> None:
    """Serve the api until `stop` is set.

    Raises:
        SchemaOutdatedError: the database has not been brought up to date.
        PortTakenError: something else listens at the port.
    """
    await require_current(parts.database)
    assembly = assemble(settings, parts)
    with listening(settings.host, settings.port) as listener:
        server = Server(
            uvicorn.Config(
                assembly.app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        beside = [assembly.carrier.run(), assembly.pruner.run()]
        if settings.collect_seconds:
            beside.append(assembly.collector.forever(settings.collect_seconds))
        await _serve(server, listener, beside, stop)


async def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    beside: Sequence[Coroutine[Any, Any, None]],
    stop: asyncio.Event,
) -> None:
    stopping = asyncio.create_task(stop.wait())
    others = [stopping, *map(asyncio.create_task, beside)]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    _LOG.info("listening", port=listener.getsockname()[1])
    try:
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        try:
            await serving
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)


def _middleware(settings: ApiSettings, parts: Parts) -> list[Middleware]:
    """Return what stands before the routes, the outermost first."""
    identify = Identify(SqlTokens(parts.database, parts.clock), parts.clock)
    keys = SqlIdempotencyKeys(parts.database, parts.clock)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "X-Request-ID"],
        max_age=600,
    )
    return [
        Middleware(Trace),
        *([cors] if settings.cors_origins else []),
        Middleware(Gate, identify=identify),
        Middleware(BodyLimit, most=settings.most_body_bytes),
        Middleware(Idempotency, keys=keys),
    ]


def _collaborators(
    settings: ApiSettings, parts: Parts, relay: Relay, checks: Mapping[str, Check]
) -> Collaborators:
    database, clock, store = parts.database, parts.clock, parts.store
    assets, bundle_rows = SqlAssets(database, clock), SqlBundles(database, clock)
    design_rows = SqlDesigns(database, clock)
    job_rows = SqlJobs(database, clock, relay.hand)
    analyses = SqlAnalyses(database, clock, relay.wake, settings.path_rules)
    node_queries, standings = NodeQueries(database), Standings(database, parts.cache)
    hardware, work = HardwareQueries(database, node_queries), WorkQueries(database, clock)
    policies, job_queries = PolicyQueries(database), JobQueries(database, parts.cache)
    change_job = ChangeJob(job_rows, standings, job_queries)
    presence = FindPresence(assets, store)
    content = StoreContent(assets, store, presence)
    make_bundle = MakeBundle(assets, bundle_rows, presence)
    parted = SqlPartedUploads(database, clock)
    sending = SendInParts(parted, assets, content, store, settings.most_upload_bytes)
    completing = CompleteUpload(
        sending, parted, assets, content, store, settings.upload_check_seconds
    )
    find_scene = FindScene(assets, bundle_rows, make_bundle)
    simulated = settings.simulated_engine
    rules = DesignRules(
        simulated=simulated, same_for=timedelta(seconds=settings.same_design_seconds)
    )
    analyse = AnalyseScene(analyses, find_scene, settings.analysis_seconds)
    material_rows, complete = SqlMaterials(database, clock), RequireComplete(analyses)
    assemble_version = AssembleVersion(
        make_bundle, material_rows, analyse, complete, simulated=simulated
    )
    scripts = WriteScript(bundle_rows, content, store)
    thumbnail = RenderThumbnail(job_rows, design_rows, scripts, policies)
    return Collaborators(
        submit_job=SubmitJob(
            jobs=job_rows,
            machines=KnownMachines(node_queries, clock),
            profiles=hardware,
            policies=policies,
            bundles=make_bundle,
            scenes=find_scene,
            complete=complete,
            rules=EngineRules(simulated=simulated, trusted_pools=set(settings.trusted_pools)),
        ),
        submit_design_job=SubmitDesignJob(
            jobs=job_rows,
            designs=design_rows,
            analyses=analyses,
            write=scripts,
            clock=clock,
            policies=policies,
            rules=rules,
        ),
        submit_openjd=SubmitOpenJd(job_rows, policies, make_bundle),
        submit_sweep=SubmitSweep(job_rows, settings.most_sweep),
        change_job=change_job,
        clean_up=CleanUp(change_job, work, settings.cleanup_seconds),
        make_bundle=make_bundle,
        unpack_archive=UnpackArchive(analyse, content, make_bundle, store, settings.upload_folder),
        make_design=MakeDesign(design_rows, assemble_version, thumbnail),
        make_material=MakeMaterial(material_rows, make_bundle),
        render_thumbnail=thumbnail,
        scripts=scripts,
        design_rows=design_rows,
        materials=material_rows,
        grants=SqlGrants(database, clock),
        designs=DesignQueries(database),
        upload_file=UploadFile(assets, content),
        check_hashes=CheckHashes(assets, presence),
        delete_file=DeleteFile(assets, store),
        verify_file=VerifyFile(assets, store),
        send_in_parts=sending,
        complete_upload=completing,
        collect_garbage=collector(parts, relay.hand),
        analyse_scene=analyse,
        serve_attempt=ServeAttempt(
            attempts=node_queries,
            inputs=InputQueries(database),
            bundles=bundle_rows,
            assets=assets,
            retentions=SqlRetentions(database, clock),
            store=store,
        ),
        issue_token=IssueToken(SqlTokens(database, clock), clock),
        hardware_configs=SqlHardwareConfigs(database, clock),
        decisions=SqlDecisions(database, clock, relay.wake),
        find_analysis=analyses.find,
        standings=standings,
        jobs=job_queries,
        outlooks=OutlookQueries(database),
        survey_farm=SurveyFarm(SystemQueries(database), clock, checks),
        policies=policies,
        work=work,
        history=HistoryQueries(database),
        frames=FrameQueries(database),
        nodes=node_queries,
        files=FileQueries(database),
        hardware=hardware,
        store=store,
        sign=Signing(store=store, seconds=settings.signed_url_seconds, cdn_base=settings.cdn_base),
        uploads=Uploads(most=settings.most_upload_bytes, folder=settings.upload_folder),
        signed_objects=store if isinstance(store, FolderStore) else None,
    )


def _checks(parts: Parts, carrier: Carrier) -> dict[str, Check]:
    async def store() -> bool:
        await parts.store.info("readyz")
        return True

    return {
        "database": parts.database.answers,
        "cache": parts.cache.ping,
        "store": store,
        "broker": carrier.linked,
    }
