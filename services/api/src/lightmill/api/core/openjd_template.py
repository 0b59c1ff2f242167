"""An Open Job Description template, and the steps that it becomes."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import yaml
from openjd.model import (
    DecodeValidationError,
    Job,
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)
from openjd.model.v2023_09 import AmountRequirement, AttributeRequirement, Step

from lightmill.api.core.problem import invalid
from lightmill.domain.frames import MAX_FRAMES, FrameSet, Run
from lightmill.domain.job import After, Json, StepSpec, Work
from lightmill.domain.resources import GIB, Needs

ENGINE = "openjd"
ROOT = Path("/lightmill/bundle")
"""Where templates find the bundle's files; nodes map it to where they lie."""
_MIB = 2**20
_MOST_STORED = 4 * 2**20
_LONGEST_MESSAGE = 2000
_ARCHITECTURE = "x86_64"
_SYSTEM = "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJdJob:
    """A template with its parameters, checked.

    Attributes:
        settings: What the engine is told whatever the step.
        needs: Of steps that say nothing themselves.
    """

    job: Job
    settings: Mapping[str, Json]
    needs: Needs

    @property
    def name(self) -> str:
        """What the template calls the job."""
        return str(self.job.name)

    def steps(self, chunk: int | None) -> tuple[StepSpec, ...]:
        """Return the farm's steps; their frames are numbered through, from 1.

        Raises:
            ProblemError: there are too many tasks, or needs that the farm cannot express.
        """
        made, first = [], 1
        for step in self.job.steps:
            count = _count(step)
            if first + count > MAX_FRAMES + 1:
                raise invalid("template", f"makes more than {MAX_FRAMES} tasks")
            made.append(self._step(step, Run(first, count), chunk))
            first += count
        return tuple(made)

    def _step(self, step: Step, frames: Run, chunk: int | None) -> StepSpec:
        settings = {**self.settings, "step": step.name, "firstFrame": frames.first}
        return StepSpec(
            name=step.name,
            frames=FrameSet((frames,)),
            chunk=chunk,
            after=tuple(After(step=one.dependsOn) for one in step.dependencies or []),
            work=Work(engine=ENGINE, settings=settings),
            needs=_needs(step, self.needs),
        )


def read_yaml(field: str, text: str) -> Json:
    """Return what a YAML or JSON document says.

    Raises:
        ProblemError: it is none, or refers to itself: small documents then say very much.
    """
    try:
        loader = yaml.CSafeLoader
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)):
            raise invalid(field, "has aliases (*name); write out what they stand for")
        found: Json = yaml.load(text, loader)  # noqa: S506  # the safe one, in C
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise invalid(field, f"is no YAML: {str(error)[:_LONGEST_MESSAGE]}") from error
    return found


def openjd_job(
    template: Json, parameters: Mapping[str, str], needs: Needs, settings: Mapping[str, Json]
) -> OpenJdJob:
    """Return the job that a template makes of its parameters.

    Raises:
        ProblemError: what is wrong, in the words of the library that knows the specification.
    """
    if not isinstance(template, dict):
        raise invalid("template", "has to be a mapping, with specificationVersion and steps")
    try:
        decoded = decode_job_template(template=template)
    except (DecodeValidationError, NotImplementedError, RecursionError) as error:
        raise invalid("template", str(error)[:_LONGEST_MESSAGE]) from error
    try:
        values = preprocess_job_parameters(
            job_template=decoded,
            job_parameter_values=dict(parameters),
            job_template_dir=ROOT,
            current_working_dir=ROOT,
        )
        job = create_job(job_template=decoded, job_parameter_values=values)
    except (DecodeValidationError, ValueError) as error:
        raise invalid("parameters", str(error)[:_LONGEST_MESSAGE]) from error
    told: dict[str, Json] = {**settings, "template": template, "parameters": {**parameters}}
    if len(str(told)) * len(job.steps) > _MOST_STORED:
        raise invalid("template", "is too long for so many steps; make several jobs of it")
    return OpenJdJob(job=job, settings=told, needs=needs)


def _count(step: Step) -> int:
    if step.parameterSpace is None:
        return 1
    return len(StepParameterSpaceIterator(space=step.parameterSpace))


def _needs(step: Step, needs: Needs) -> Needs | None:
    required = step.hostRequirements
    if required is None:
        return None
    changes: dict[str, int | str] = dict(_amounts(required.amounts or []))
    for attribute in required.attributes or []:
        changes.update(_attribute(attribute))
    return replace(needs, **changes)  # type: ignore[arg-type]  # each named by the two below


def _amounts(amounts: list[AmountRequirement]) -> Iterator[tuple[str, int]]:
    for amount in amounts:
        least = amount.min or Decimal(0)
        match amount.name.lower():
            case "amount.worker.vcpu":
                yield "cores", max(1, math.ceil(least))
            case "amount.worker.memory":
                yield "ram", max(1, math.ceil(least * _MIB))
            case "amount.worker.gpu":
                yield "gpus", math.ceil(least)
            case "amount.worker.gpu.memory":
                yield "vram", math.ceil(least * _MIB)
            case "amount.worker.disk.scratch":
                yield "disk", math.ceil(least * GIB)
            case name:
                raise invalid("template", f"hostRequirements: {name} is not known to this farm")


def _attribute(attribute: AttributeRequirement) -> dict[str, str]:
    wanted = {str(value).lower() for value in (*(attribute.anyOf or ()), *(attribute.allOf or ()))}
    match attribute.name.lower():
        case "attr.worker.os.family":
            return {} if _SYSTEM in wanted else {"os": min(wanted)}
        case "attr.worker.cpu.arch" if _ARCHITECTURE in wanted:
            return {}
        case name:
            detail = f"hostRequirements: {name} {sorted(wanted)} is not known to this farm"
            raise invalid("template", detail)
