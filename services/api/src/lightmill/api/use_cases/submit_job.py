"""Hand in a scene."""

from dataclasses import replace

from lightmill.api.core.bodies import JobBody, TaskBody
from lightmill.api.core.engine_rules import EngineRules
from lightmill.api.core.hardware import refusal, stated
from lightmill.api.core.job_request import DEFAULT_POOL, ENGINES, SCENELESS, Ask, NewJob, ask_of
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import FieldError, ProblemError, invalid
from lightmill.api.ports import Jobs, Machines, Profiles
from lightmill.api.use_cases.find_scene import FindScene
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.require_complete import RequireComplete
from lightmill.domain.principal import Principal
from lightmill.domain.resources import GIB, Needs


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
        bundles: MakeBundle,
        scenes: FindScene,
        complete: RequireComplete,
        rules: EngineRules,
    ) -> None:
        self._jobs = jobs
        self._machines = machines
        self._profiles = profiles
        self._bundles = bundles
        self._scenes = scenes
        self._complete = complete
        self._rules = rules

    async def __call__(self, principal: Principal, body: JobBody, job_id: str) -> str:
        """Return the id of the job that a canonical body makes.

        Raises:
            ProblemError: it names the field and the remedy; nothing is half made.
        """
        ask = ask_of(body)
        spec = ask.spec()
        self._rules.require("engine", ask.engine, ask.needs.pool or DEFAULT_POOL)
        bundle_id = await self._bundle(principal, body)
        await self._require_machine(ask, body.pool, allow_waiting=body.allow_waiting)
        job = NewJob(
            name=body.name,
            kind=ask.kind,
            spec=spec,
            user_label=body.user_label or principal.user_id,
            pool=ask.needs.pool or DEFAULT_POOL,
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
        profile, needs = await self._profile(principal, body)
        ask = Ask(
            engine=engine,
            frames=body.frames,
            test_frames=body.test_frames,
            stop_after_test=body.stop_after_test,
            needs=needs,
            settings=body.settings,
        )
        ask.spec()
        await self._require_machine(ask, None, allow_waiting=body.allow_waiting)
        bundle_id, scene = await self._scene(principal, body)
        ask = replace(ask, scene=scene)
        job = NewJob(
            name=body.name or scene or body.renderer,
            kind=ask.kind,
            spec=ask.spec(),
            user_label=principal.user_id,
            priority=body.priority,
            bundle_id=bundle_id,
        )
        return await self._jobs.add(principal, job_id, job, None), profile

    async def _bundle(self, principal: Principal, body: JobBody) -> str | None:
        if body.engine in SCENELESS and body.bundle_id is None and body.files is None:
            return None
        if (body.bundle_id is None) == (body.files is None):
            raise invalid("bundle_id", "give either bundle_id or files")
        if body.bundle_id is not None:
            entries = await self._bundles.require(principal, body.bundle_id)
        else:
            entries = await self._bundles.entries(principal, body.files or [])
        _require_scene(body, entries)
        if body.scene is not None and not body.allow_missing:
            await self._complete(principal, "scene", body.scene, entries)
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

    async def _profile(self, principal: Principal, body: TaskBody) -> tuple[int | None, Needs]:
        """Return the profile that a task is given: the smallest of those that it allows."""
        asked = Needs(ram=round(body.ram * GIB) if body.ram else None, gpus=body.gpu_count)
        if not body.hardware_config_ids:
            return None, asked
        ids = body.hardware_config_ids
        profiles = await self._profiles.profiles(principal.tenant_id, ids)
        if len(profiles) < len(set(ids)):
            raise invalid("hardware_config_ids", "one of them does not exist")
        fitting = [p for p in profiles if (p.needs.ram or 0) >= (asked.ram or 0)]
        fitting = [p for p in fitting if p.needs.gpus >= asked.gpus]
        if not fitting:
            raise invalid("hardware_config_ids", "none of them has the ram and gpu_count asked")
        offers = await self._machines.offers()
        possible = [p for p in fitting if refusal(p.needs, "", offers) is None] or fitting
        chosen = min(possible, key=lambda p: (p.needs.gpus, p.needs.ram or 0, p.needs.cores or 0))
        return chosen.id, chosen.needs

    async def _require_machine(self, ask: Ask, pool: str | None, *, allow_waiting: bool) -> None:
        needs = ask.needs if pool is None else replace(ask.needs, pool=pool)
        if allow_waiting or not stated(needs):
            return
        reason = refusal(needs, ask.engine, await self._machines.offers())
        if reason is not None:
            fields = {
                "ram": needs.ram,
                "cores": needs.cores,
                "gpus": needs.gpus,
                "pool": needs.pool,
            }
            errors = [
                FieldError(f"#/needs/{name}", "see detail") for name in fields if fields[name]
            ]
            raise ProblemError(400, "no-machine-fits", reason, errors=errors)


def _require_scene(body: JobBody, entries: list[Entry]) -> None:
    if body.engine in SCENELESS:
        return
    if body.scene is None:
        raise invalid("scene", "is missing: the path of the scene in the bundle")
    if body.scene not in {entry.path for entry in entries}:
        raise invalid("scene", f"{body.scene!r} is not a path of the bundle")
