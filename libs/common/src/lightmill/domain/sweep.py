"""A sweep: every prompt with every combination of variables, as arithmetic."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightmill.domain.job import Json

Value = str | int | float | bool


class SweepError(ValueError):
    """Settings that are no sweep, or a place outside of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One sub-task: its prompt with the variables put in, and the variables themselves."""

    prompt: str
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Prompts times the cartesian product of the variables; the last variable turns fastest.

    A million sub-tasks weigh as much as their lists.
    """

    prompts: Sequence[str]
    variables: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    @staticmethod
    def of(settings: Mapping[str, Json]) -> "Sweep":
        """Return the sweep that a work's settings hold.

        Raises:
            SweepError: they hold none.
        """
        prompts, variables = settings.get("prompts"), settings.get("variables", {})
        if not isinstance(prompts, list) or not isinstance(variables, dict) or not prompts:
            raise SweepError("a sweep has settings `prompts` (texts) and `variables` (lists)")
        lists = {name: values for name, values in variables.items() if isinstance(values, list)}
        if len(lists) < len(variables) or not all(lists.values()):
            raise SweepError("every variable of a sweep is a list of at least one value")
        return Sweep(
            prompts=[str(prompt) for prompt in prompts],
            variables={name: list(map(_value, values)) for name, values in lists.items()},
        )

    def __len__(self) -> int:
        return len(self.prompts) * math.prod(map(len, self.variables.values()))

    def at(self, position: int) -> Combination:
        """Return the sub-task at `position`, counted from 0.

        Raises:
            SweepError: there is no such position.
        """
        if not 0 <= position < len(self):
            raise SweepError(f"there is no sub-task {position}; the sweep has {len(self)}")
        chosen: dict[str, Value] = {}
        for name, values in reversed(tuple(self.variables.items())):
            position, digit = divmod(position, len(values))
            chosen[name] = values[digit]
        variables = {name: chosen[name] for name in self.variables}
        return Combination(prompt=_filled(self.prompts[position], variables), variables=variables)


def _value(value: Json) -> Value:
    if isinstance(value, str | int | float):
        return value
    raise SweepError(f"{value!r} is no value of a variable; use texts and numbers")


def _filled(prompt: str, variables: Mapping[str, Value]) -> str:
    for name, value in variables.items():
        prompt = prompt.replace("{" + name + "}", str(value))
    return prompt
