"""Hand in a scene."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lightmill.api.core.assembled_steps import put_together
from lightmill.api.core.bodies import TaskBody
from lightmill.api.core.engine_rules import EngineRules
from lightmill.api.core.hardware import on_profiles, refusal, stated, stated_fields
from lightmill.api.core.job_bodies import JobBody
from lightmill.api.core.job_request import ENGINES, SCENELESS, Ask, NewJob, ask_of
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import FieldError, ProblemError, invalid
from lightmill.api.ports import Jobs, Machines, Policies, Profiles
from lightmill.api.use_cases.find_scene import FindScene
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.require_complete import RequireComplete
from lightmill.domain.job import DEFAULT_POOL, JobSpec, Work
from lightmill.domain.principal import Principal
from lightmill.domain.resources import GIB, Needs, Offer, Profile


class SubmitJob:
    """Accepts jobs: one row and one message, however many frames.

    Args:
        rules: Which engines may be asked for.
    """

    def __init__(  # noqa: PLR0913  # its collaborators
        self,
        *,
        jobs: Jobs,
        machines: Machines,
        profiles: Profiles,
        policies: Policies,
        bundles: MakeBundle,
        scenes: FindScene,
        complete: RequireComplete,
        rules: EngineRules,
    ) -> None:
        self._jobs = jobs
        self._machines = machines
        self._profiles = profiles
        self._policies = policies
        self._bundles = bundles
        self._scenes = scenes
        self._complete = complete
        self._rules = rules

    async def __call__(self, principal: Principal, body: JobBody, job_id: str) -> str:
        """Return the id of the job that a canonical body makes.

        Raises:
            ProblemError: it names the field and the remedy; nothing is half made.
        """
        ask = ask_of(body, await self._named(principal, body))
        spec = ask.spec(fifo=await self._policies.is_fifo(ask.pool))
        self._require_engines(ask, spec)
        spec = put_together(spec, body)
        await self._require_known(principal, ask, allow_waiting=body.allow_waiting)
        bundle_id = await self._bundle(principal, body, spec)
        await self._require_machines(spec, allow_waiting=body.allow_waiting)
        job = NewJob(
            name=body.name,
            kind=ask.kind,
            spec=spec,
            user_label=body.user_label or principal.user_id,
            pool=ask.pool,
            priority=body.priority,
            bundle_id=bundle_id,
        )
        return await self._jobs.add(principal, job_id, job, None)

    async def task(
        self, principal: Principal, body: TaskBody, job_id: str
    ) -> tuple[str, int | None]:
        """Return the id of the job that a seed's task makes, and the profile it was given.

        Raises:
            ProblemError: as the call itself.
        """
        engine = ENGINES.get(body.renderer.lower())
        if engine is None:
            raise invalid("renderer", f"is not known; use one of {', '.join(sorted(ENGINES))}")
        self._rules.require("renderer", engine, DEFAULT_POOL)
        ask = Ask(
            engine=engine,
            frames=body.frames,
            test_frames=body.test_frames,
            stop_after_test=body.stop_after_test,
            needs=await self._needs(principal, body),
            settings=body.settings,
        )
        fifo = await self._policies.is_fifo(ask.pool)
        await self._require_machines(ask.spec(fifo=fifo), allow_waiting=body.allow_waiting)
        bundle_id, scene = await self._scene(principal, body)
        spec = replace(ask, scene=scene).spec(fifo=fifo)
        job = NewJob(
            name=body.name or scene or body.renderer,
            kind=ask.kind,
            spec=spec,
            user_label=principal.user_id,
            priority=body.priority,
            bundle_id=bundle_id,
        )
        profiles = spec.needs.profiles
        only = int(profiles[0].id) if len(profiles) == 1 else None
        return await self._jobs.add(principal, job_id, job, None), only

    async def _named(self, principal: Principal, body: JobBody) -> Mapping[int, Profile]:
        """Return the hardware profiles that a body names."""
        asked = {"needs": body.needs}
        for index, step in enumerate(body.steps or []):
            if step.needs is not None:
                asked[f"steps/{index}/needs"] = step.needs
        ids = {id_ for needs in asked.values() for id_ in needs.hardware_config_ids}
        found = await self._profiles.profiles(principal.tenant_id, sorted(ids))
        for field, needs in asked.items():
            _require_profiles(f"{field}/hardware_config_ids", needs.hardware_config_ids, found)
        return found

    def _require_engines(self, ask: Ask, spec: JobSpec) -> None:
        self._rules.require("engine", ask.engine, ask.pool)
        for index, step in enumerate(spec.steps):
            if step.work is not None:
                pool = (step.needs or spec.needs).pool or ask.pool
                self._rules.require(f"steps/{index}/engine", step.work.engine, pool)

    async def _require_known(self, principal: Principal, ask: Ask, *, allow_waiting: bool) -> None:
        """Return when the jobs that it waits for and the limits that it takes of are there."""
        before = [after.job_id for after in ask.after]
        absent = await self._jobs.unknown(principal.tenant_id, before)
        if absent:
            field = f"after/{before.index(absent[0])}/job_id"
            raise invalid(field, f"there is no job {absent[0]}")
        if allow_waiting:
            return
        unknown = await self._policies.unknown_limits(ask.limits)
        if unknown:
            detail = f"{unknown[0]!r} is not set up; have an admin do it, or set allow_waiting"
            raise invalid(f"limits/{ask.limits.index(unknown[0])}", detail)

    async def _bundle(self, principal: Principal, body: JobBody, spec: JobSpec) -> str | None:
        sceneless = all(work.engine in SCENELESS for work in _works(spec))
        if sceneless and body.bundle_id is None and body.files is None:
            return None
        if (body.bundle_id is None) == (body.files is None):
            raise invalid("bundle_id", "give either bundle_id or files")
        if body.bundle_id is not None:
            entries = await self._bundles.require(principal, body.bundle_id)
        else:
            entries = await self._bundles.entries(principal, body.files or [])
        for scene, field in _scenes(spec, entries).items():
            if not body.allow_missing:
                await self._complete(principal, field, scene, entries)
        return body.bundle_id or await self._bundles(principal, body.files or [])

    async def _scene(self, principal: Principal, body: TaskBody) -> tuple[str | None, str | None]:
        """Return the bundle of a seed's task and the path of its scene in it."""
        if body.scene_file is None and body.renderer in SCENELESS:
            return body.bundle, None
        if body.scene_file is None:
            raise invalid("scene_file", "is missing: an asset id, or a path that was uploaded")
        scene, entries = await self._scenes(principal, body.scene_file, body.bundle)
        if not body.allow_missing:
            await self._complete(principal, "scene_file", scene, entries)
        return body.bundle or await self._scenes.bundle(principal, entries), scene

    async def _needs(self, principal: Principal, body: TaskBody) -> Needs:
        """Return what a seed's task reserves: what it says, or what its smallest profile has."""
        asked = Needs(ram=round(body.ram * GIB) if body.ram else None, gpus=body.gpu_count)
        ids = body.hardware_config_ids
        if not ids:
            return asked
        found = await self._profiles.profiles(principal.tenant_id, ids)
        _require_profiles("hardware_config_ids", ids, found)
        try:
            return on_profiles(asked, list(found.values()))
        except ValueError as error:
            raise invalid("hardware_config_ids", str(error)) from None

    async def _require_machines(self, spec: JobSpec, *, allow_waiting: bool) -> None:
        if allow_waiting:
            return
        offers: list[Offer] | None = None
        for index, step in enumerate(spec.steps):
            needs, work = step.needs or spec.needs, step.work or spec.work
            if not stated(needs):
                continue
            reason = refusal(needs, work.engine, await self._machines.offers())
            if reason is not None and offers is None:  # who has come meanwhile may do
                offers = await self._machines.offers(fresh=True)
                reason = refusal(needs, work.engine, offers)
            if reason is not None:
                path = "needs" if step.needs is None else f"steps/{index}/needs"
                named = [
                    FieldError(f"#/{path}/{name}", "see detail") for name in stated_fields(needs)
                ]
                raise ProblemError(400, "no-machine-fits", reason, errors=named)


def _require_profiles(field: str, ids: Sequence[int], found: Mapping[int, Profile]) -> None:
    absent = [id_ for id_ in ids if id_ not in found]
    if absent:
        raise invalid(field, f"there is no hardware profile {absent[0]}")


def _works(spec: JobSpec) -> list[Work]:
    """Return what is asked of the steps, in their order, but of those that only assemble."""
    works = [step.work or spec.work for step in spec.steps]
    return [work for work in works if not work.inputs]


def _scenes(spec: JobSpec, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return the scenes of a job, each with the field that names it, all of them in the bundle."""
    paths = {entry.path for entry in entries}
    scenes: dict[str, str] = {}
    for index, work in enumerate(_works(spec)):
        if work.engine in SCENELESS:
            continue
        field = "scene" if work.scene == spec.work.scene else f"steps/{index}/scene"
        if work.scene is None:
            raise invalid(field, "is missing: the path of the scene in the bundle")
        if work.scene not in paths:
            raise invalid(field, f"{work.scene!r} is not a path of the bundle")
        scenes.setdefault(work.scene, field)
    return scenes
