from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain import states
from lightmill.domain.states import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    NODE_TRANSITIONS,
    STEP_TRANSITIONS,
    TASK_TRANSITIONS,
    IllegalTransitionError,
    is_final,
    move,
)

Table = Mapping[Any, frozenset[Any]]

TABLES: dict[str, Table] = {
    "job": JOB_TRANSITIONS,
    "step": STEP_TRANSITIONS,
    "task": TASK_TRANSITIONS,
    "attempt": ATTEMPT_TRANSITIONS,
    "node": NODE_TRANSITIONS,
}
FIRST = {"job": "PENDING", "step": "BLOCKED", "task": "ASSIGNED", "attempt": "ASSIGNED"}
FINAL = {
    "job": {"COMPLETED", "CANCELLED"},
    "step": {"SUCCEEDED", "CANCELLED"},
    "task": {"SUCCEEDED", "FAILED", "CANCELLED"},
    "attempt": {"SUCCEEDED", "FAILED", "CANCELLED", "LOST"},
    "node": set(),
}

names = st.sampled_from(sorted(TABLES))


def kind_of(table: Table) -> type[StrEnum]:
    return type(next(iter(table)))


@pytest.mark.parametrize("name", TABLES)
def test_every_state_stands_in_its_table_and_leads_to_its_own_kind(name: str) -> None:
    table = TABLES[name]
    kind = kind_of(table)
    assert set(table) == set(kind)
    assert all(isinstance(after, kind) for afters in table.values() for after in afters)


def test_every_kind_of_state_has_a_table() -> None:
    kinds = {
        kind
        for kind in vars(states).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    }
    assert kinds == {kind_of(table) for table in TABLES.values()}


@given(names, st.data())
def test_only_what_the_table_allows_ever_happens(name: str, data: st.DataObject) -> None:
    """A random walk of wishes: each is granted if, and only if, the table has it."""
    table = TABLES[name]
    every = st.sampled_from(sorted(table))
    state = data.draw(every)
    for wanted in data.draw(st.lists(every, max_size=20)):
        if wanted in table[state]:
            assert move(table, state, wanted) is wanted
            state = wanted
        else:
            with pytest.raises(IllegalTransitionError, match=f"{state} -> {wanted}"):
                move(table, state, wanted)


@pytest.mark.parametrize("name", TABLES)
def test_no_state_leads_to_itself(name: str) -> None:
    assert all(state not in afters for state, afters in TABLES[name].items())


@pytest.mark.parametrize("name", TABLES)
def test_nothing_leads_out_of_an_end(name: str) -> None:
    table = TABLES[name]
    assert {str(state) for state in table if is_final(table, state)} == FINAL[name]


@pytest.mark.parametrize("name", FIRST)
def test_every_state_can_be_reached_and_every_life_can_end(name: str) -> None:
    table = TABLES[name]
    assert _reachable(table, kind_of(table)(FIRST[name])) == set(table)
    for state in table:
        assert any(is_final(table, end) for end in _reachable(table, state))


def _reachable(table: Table, start: StrEnum) -> set[StrEnum]:
    seen, waiting = {start}, [start]
    while waiting:
        for after in table[waiting.pop()] - seen:
            seen.add(after)
            waiting.append(after)
    return seen
