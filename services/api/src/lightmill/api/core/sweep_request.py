"""A sweep as clients send it, and the job that it becomes."""

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from lightmill.api.core.bodies import Name, Priority, SeedBody
from lightmill.api.core.job_request import NewJob
from lightmill.api.core.problem import invalid
from lightmill.domain.frames import FrameSet, Run
from lightmill.domain.job import (
    DEFAULT_POOL,
    DEFAULT_PRIORITY,
    JobKind,
    JobSpec,
    Json,
    StepSpec,
    Work,
)
from lightmill.domain.policy import LUMINA, SWEEPS
from lightmill.domain.resources import Needs
from lightmill.domain.sweep import Sweep

ENGINE = "remote"
_LUMINA = "lumina"
_QUEUE = "dev"
_RAM = 2**26
_SHOWN = 3
_MOST_LISTED = 10_000
_LONGEST = 128 * 1024
_CHUNK = 1

Prompt = Annotated[str, Field(min_length=1, max_length=20_000)]
Value = Annotated[str, Field(max_length=2_000)] | int | float | bool


class SweepBody(SeedBody):
    """Seed 003: every prompt with every combination of variables."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "cats for lumina",
                    "userId": "test-user-1",
                    "prompts": ["a {colour} cat", "a {colour} cat asleep"],
                    "variables": {"colour": ["red", "black"], "style": ["ink", "oil"]},
                    "ratio": "16:9",
                    "seed": 7,
                    "batchSize": 1,
                    "polish": False,
                }
            ]
        }
    )

    name: Name
    userId: Name | None = None  # noqa: N815  # the seed's spelling
    prompts: Annotated[list[Prompt], Field(min_length=1, max_length=_MOST_LISTED)]
    variables: dict[Name, Annotated[list[Value], Field(min_length=1, max_length=_MOST_LISTED)]] = (
        Field(default_factory=dict, max_length=100)
    )
    ratio: Annotated[str, Field(max_length=64)] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**64)
    batchSize: int | None = Field(default=None, ge=1, le=1000)  # noqa: N815  # the seed's spelling
    polish: bool | None = None
    priority: Priority = DEFAULT_PRIORITY
    makeApiQueue: Name | None = None  # noqa: N815  # the seed's spelling
    pool: Name | None = None

    @model_validator(mode="after")
    def _fill_queue(self) -> "SweepBody":
        """Let sweeps for Lumina go to its queue, unless another is named."""
        if "makeApiQueue" in self.model_fields_set or _LUMINA not in self.name.lower():
            return self
        return self.model_copy(update={"makeApiQueue": _QUEUE})


def counted(body: SweepBody, most: int) -> Sweep:
    """Return the sweep, when it may be made.

    Raises:
        ProblemError: it has more sub-tasks than `most`, or its lists are too long to be sent.
    """
    sweep = Sweep(prompts=body.prompts, variables=body.variables)
    if len(sweep) > most:
        raise invalid(
            "variables",
            f"prompts and variables make {len(sweep)} images; a sweep has at most {most}"
            " (LIGHTMILL_MOST_SWEEP). Split it, or ask an administrator",
        )
    return sweep


def preview(body: SweepBody, sweep: Sweep) -> dict[str, object]:
    """Return how many sub-tasks there would be, and the first of them."""
    first = (sweep.at(position) for position in range(min(_SHOWN, len(sweep))))
    return {
        "totalImages": len(sweep),
        "makeApiQueue": body.makeApiQueue,
        "first": [{"prompt": one.prompt, "variables": dict(one.variables)} for one in first],
    }


def job_of(body: SweepBody, sweep: Sweep, user_id: str) -> NewJob:
    """Return the job: one step, one frame a sub-task, counted from 1."""
    pool = body.pool or DEFAULT_POOL
    work = Work(engine=ENGINE, settings=_settings(body))
    step = StepSpec(name="sweep", frames=FrameSet((Run(1, len(sweep)),)), chunk=_CHUNK)
    limit = SWEEPS if body.makeApiQueue is None else LUMINA
    needs = Needs(cores=1, ram=_RAM, pool=pool)
    return NewJob(
        name=body.name,
        kind=JobKind.SWEEP,
        spec=JobSpec(work=work, steps=(step,), needs=needs, pool=pool, limits=(limit,)),
        user_label=body.userId or user_id,
        pool=pool,
        priority=body.priority,
    )


def _settings(body: SweepBody) -> dict[str, Json]:
    """Return what every sub-task is told; it travels with each of them.

    Raises:
        ProblemError: it is too long for that.
    """
    length = sum(map(len, body.prompts)) + len(body.model_dump_json(include={"variables"}))
    if length > _LONGEST:
        detail = f"prompts and variables have {length} characters; {_LONGEST} at most"
        raise invalid("prompts", detail)
    given = {
        "ratio": body.ratio,
        "seed": body.seed,
        "batchSize": body.batchSize,
        "polish": body.polish,
        "makeApiQueue": body.makeApiQueue,
    }
    return {
        "prompts": list(body.prompts),
        "variables": {name: list(values) for name, values in body.variables.items()},
        **{name: value for name, value in given.items() if value is not None},
    }
