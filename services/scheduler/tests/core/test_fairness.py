"""Whoever waits for the same as others gets its share, and whatever fits a machine gets one."""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from services.scheduler.tests.core.test_sharing import running, stage, turn_over

from lightmill.domain.policy import Share
from lightmill.domain.resources import Needs
from lightmill.scheduler.simulation.invented_node import machine

_ONE = Needs(cores=1, ram=1)
_WIDER = [
    Needs(),
    Needs(cores=2, ram=1),
    Needs(cores=4, ram=1),
    Needs(cores=1, ram=70),
    Needs(cores=3),
]


@settings(max_examples=12, deadline=None)
@given(
    weights=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=2, max_size=4),
    cores=st.lists(st.integers(2, 8), min_size=1, max_size=4),
)
def test_who_is_backlogged_gets_what_its_weight_says(
    weights: list[float], cores: list[int]
) -> None:
    farm = stage(*(machine(f"m{n}", cores=count) for n, count in enumerate(cores)))
    names = [f"user{n}" for n in range(len(weights))]
    farm.decree(
        *(
            Share(tenant_id="tenant", user=name, weight=weight)
            for name, weight in zip(names, weights, strict=True)
        )
    )
    for name in names:
        farm.ask(name, "1-2000", user=name, needs=_ONE)
    turn_over(farm, 25)
    has = running(farm)
    for name, weight in zip(names, weights, strict=True):
        # One task each may be out of turn: where its scene is open, and behind running work.
        least = min((has[o] + 2) / w for o, w in zip(names, weights, strict=True))
        assert (has[name] - 2) / weight <= least, (has, weights)


@settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(
    needs=st.lists(st.sampled_from(_WIDER), min_size=1, max_size=3, unique=True),
    cores=st.lists(st.integers(4, 8), min_size=2, max_size=3),
)
def test_whatever_fits_a_machine_gets_one_beside_endless_narrow_work(
    needs: list[Needs], cores: list[int]
) -> None:
    farm = stage(*(machine(f"m{n}", cores=count) for n, count in enumerate(cores)))
    farm.ask("endless", "1-100000", user="ann", needs=_ONE)
    farm.begin_all()
    for number, need in enumerate(needs):
        farm.ask(f"job{number}", "1", user="bob", needs=need)
    for _ in range(60):
        farm.beats()
        turn_over(farm, 1)
    waits = [n for n in range(len(needs)) if not farm.frames_of(f"job{n}")]
    assert not waits, [needs[n] for n in waits]
