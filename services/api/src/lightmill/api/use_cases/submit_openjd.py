"""Hand in an Open Job Description job."""

import asyncio
from dataclasses import replace

from lightmill.api.core.job_request import NewJob
from lightmill.api.core.openjd_request import OpenJdBody
from lightmill.api.core.openjd_template import OpenJdJob, openjd_job
from lightmill.api.core.problem import invalid
from lightmill.api.ports import Jobs, Policies
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.domain.failures import RetryPolicy
from lightmill.domain.job import DEFAULT_POOL, JobKind, JobSpec, Json, Limits, StepSpec, Work
from lightmill.domain.principal import Principal


class SubmitOpenJd:
    """Accepts templates and job bundles: every step becomes a step, every task a frame."""

    def __init__(self, jobs: Jobs, policies: Policies, bundles: MakeBundle) -> None:
        self._jobs = jobs
        self._policies = policies
        self._bundles = bundles

    async def __call__(
        self, principal: Principal, body: OpenJdBody, job_id: str
    ) -> tuple[str, tuple[StepSpec, ...]]:
        """Return the id of the job, and its steps.

        Raises:
            ProblemError: it names the field and the remedy; nothing is half made.
        """
        # Reading a long template takes a while, in which others want answers.
        found, steps = await asyncio.to_thread(_read, body)
        unknown = await self._policies.unknown_limits(body.limits)
        if unknown:
            raise invalid("limits", f"{unknown[0]!r} is not set up; have an admin do it")
        bundle_id = await self._bundle(principal, body)
        pool = found.needs.pool or DEFAULT_POOL
        spec = replace(_spec(body, found, steps), fifo=await self._policies.is_fifo(pool))
        job = NewJob(
            name=body.name or found.name,
            kind=JobKind.OPENJD,
            spec=spec,
            user_label=body.user_label or principal.user_id,
            pool=pool,
            priority=body.priority,
            bundle_id=bundle_id,
        )
        return await self._jobs.add(principal, job_id, job, None), steps

    async def _bundle(self, principal: Principal, body: OpenJdBody) -> str | None:
        if body.bundle_id is not None and body.files is not None:
            raise invalid("bundle_id", "give either bundle_id or files")
        if body.files is not None:
            return await self._bundles(principal, body.files)
        if body.bundle_id is not None:
            await self._bundles.require(principal, body.bundle_id)
        return body.bundle_id


def _read(body: OpenJdBody) -> tuple[OpenJdJob, tuple[StepSpec, ...]]:
    needs = body.stated_needs()
    rules = [rule.model_dump() for rule in body.path_mapping]
    settings: dict[str, Json] = {"pathMapping": list(rules), "format": body.format}
    found = openjd_job(body.read_template(), body.read_parameters(), needs, settings)
    return found, found.steps(body.chunk)


def _spec(body: OpenJdBody, found: OpenJdJob, steps: tuple[StepSpec, ...]) -> JobSpec:
    times = Limits(**body.time_limits.model_dump())
    limited = tuple(
        replace(step, work=replace(step.work, limits=times)) for step in steps if step.work
    )
    return JobSpec(
        work=limited[0].work or Work(engine="openjd"),
        steps=limited,
        needs=found.needs,
        pool=found.needs.pool or DEFAULT_POOL,
        limits=tuple(dict.fromkeys(body.limits)),
        retry=RetryPolicy(**body.retry.model_dump()),
    )
