"""How many sub-tasks a sweep has, and what each of them is."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightmill.domain.sweep import Sweep, SweepError

LISTS = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("pqr"), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("abcd"), LISTS),
)
def test_sub_tasks_are_prompts_times_the_product_of_variables(
    prompts: list[str], variables: dict[str, list[int]]
) -> None:
    sweep = Sweep(prompts=prompts, variables=variables)
    expected = [
        (prompt, dict(zip(variables, values, strict=True)))
        for prompt, *values in itertools.product(prompts, *variables.values())
    ]
    assert len(sweep) == len(expected)
    found = [sweep.at(position) for position in range(len(sweep))]
    assert [(one.prompt, one.variables) for one in found] == expected


def test_variables_stand_in_the_prompt() -> None:
    sweep = Sweep(prompts=["a {colour} cat, {n}"], variables={"colour": ["red"], "n": [1, 2]})
    assert sweep.at(1).prompt == "a red cat, 2"


def test_a_million_sub_tasks_weigh_as_much_as_their_lists() -> None:
    sweep = Sweep(prompts=["x"], variables={name: list(range(100)) for name in "abc"})
    assert len(sweep) == 1_000_000
    assert sweep.at(999_999).variables == {"a": 99, "b": 99, "c": 99}


@pytest.mark.parametrize("position", [-1, 2])
def test_there_is_nothing_outside(position: int) -> None:
    with pytest.raises(SweepError, match="the sweep has 2"):
        Sweep(prompts=["x", "y"]).at(position)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"prompts": []},
        {"prompts": "x"},
        {"prompts": ["x"], "variables": {"a": []}},
        {"prompts": ["x"], "variables": {"a": "red"}},
        {"prompts": ["x"], "variables": {"a": [{}]}},
    ],
)
def test_settings_that_are_no_sweep_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SweepError):
        Sweep.of(settings)  # type: ignore[arg-type]  # plain JSON
