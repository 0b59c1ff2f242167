"""Who goes first when several want the same machines."""

from collections import Counter
from datetime import timedelta

import pytest

from lightmill.domain.failures import FailureKind
from lightmill.domain.policy import Limit, LimitScope, Pool, Scaling, Share
from lightmill.domain.resources import Gpu, Needs
from lightmill.domain.states import JobState
from lightmill.messages.node_report import Outcome
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*nodes)
    made.report()
    return made


def running(farm: Stage) -> Counter[str]:
    return Counter(job for name in farm.nodes for job in farm.held(name))


def turn_over(farm: Stage, rounds: int = 30) -> Counter[str]:
    """Let every machine end one task after the other; return how many of each job began."""
    before = len(farm.assigned)
    for _ in range(rounds):
        for name in farm.nodes:
            node = farm.nodes[name]
            if node.held:
                first = next(iter(node.held))
                node.running.add(first)
                node.finish(first)
                farm.report(name)
    return Counter(assignment.job_id for assignment in farm.assigned[before:])


def test_users_of_one_tenant_get_equal_shares_whoever_came_first() -> None:
    farm = stage(*(machine(name) for name in "abcd"))
    farm.ask("first", "1-1000", user="ann")
    farm.ask("second", "1-1000", user="bob")
    begun = turn_over(farm, 40)
    assert abs(begun["first"] - begun["second"]) < 0.25 * begun.total()
    assert abs(running(farm)["first"] - running(farm)["second"]) <= 2


def test_a_user_with_twice_the_weight_gets_twice_as_much() -> None:
    farm = stage(*(machine(name, cores=6, ram=600) for name in "abcd"))
    farm.decree(Share(tenant_id="tenant", user="ann", weight=2.0))
    farm.ask("heavy", "1-1000", user="ann")
    farm.ask("light", "1-1000", user="bob")
    turn_over(farm, 60)
    share = running(farm)
    assert 1.5 <= share["heavy"] / share["light"] <= 2.7


def test_tenants_share_equally_however_many_users_they_have() -> None:
    farm = stage(*(machine(name, cores=6, ram=600) for name in "abcd"))
    farm.ask("lone", "1-1000", tenant="one", user="ann")
    for number in range(3):
        farm.ask(f"crowd{number}", "1-1000", tenant="many", user=f"user{number}")
    turn_over(farm, 60)
    share = running(farm)
    assert abs(share["lone"] - (share.total() - share["lone"])) <= 4


def test_the_dominant_share_counts_memory_too() -> None:
    farm = stage(*(machine(name, cores=10, ram=100) for name in "ab"))
    farm.ask("cores", "1-1000", user="ann", needs=Needs(cores=2, ram=5))
    farm.ask("memory", "1-1000", user="bob", needs=Needs(cores=1, ram=20))
    turn_over(farm, 60)
    share = running(farm)
    assert abs(share["cores"] * 0.1 - share["memory"] * 0.1) <= 0.3


def test_priority_goes_before_every_share() -> None:
    farm = stage(machine("a", cores=2))
    farm.ask("low", "1-10", user="ann")
    farm.ask("high", "1-2", user="bob", priority=50)
    farm.run_all("a")
    farm.run_all("a")
    assert farm.frames_of("high") == [1, 2]


def test_below_its_size_a_user_goes_first_and_above_its_burst_it_waits() -> None:
    farm = stage(*(machine(name) for name in "abcd"))
    farm.decree(
        Share(tenant_id="tenant", user="ann", size=12),
        Share(tenant_id="tenant", user="cat", burst=2),
    )
    farm.ask("guest", "1-1000", user="bob")
    farm.ask("sized", "1-1000", user="ann")
    farm.ask("capped", "1-1000", user="cat")
    turn_over(farm, 60)
    share = running(farm)
    assert share["sized"] >= 12
    assert share["capped"] <= 2


def test_a_whole_machine_counts_towards_a_burst_with_all_its_cores() -> None:
    farm = stage(machine("a", cores=4))
    farm.decree(Share(tenant_id="tenant", user="ann", burst=2))
    farm.ask("whole", "1", user="ann", needs=Needs())
    assert farm.assigned == []


def test_whoever_may_not_have_the_largest_machine_gets_a_smaller_one() -> None:
    farm = stage(machine("large", cores=8), machine("small", cores=4))
    farm.decree(Share(tenant_id="tenant", user="ann", burst=5))
    farm.ask("whole", "1", user="ann", needs=Needs())
    assert (farm.held("large"), farm.held("small")) == ([], ["whole"])


def test_a_limit_is_never_exceeded_and_holds_up_nobody_else() -> None:
    farm = stage(*(machine(name) for name in "ab"))
    farm.decree(arnold=Limit(name="arnold", total=3))
    farm.ask("licensed", "1-100", spec={"limits": ("arnold",)})
    farm.ask("free", "1-100")
    for _ in range(20):
        turn_over(farm, 1)
        assert running(farm)["licensed"] <= 3
    assert running(farm)["free"] >= 5


def test_a_limit_that_nobody_has_set_lets_nothing_through() -> None:
    farm = stage(machine("a"))
    farm.ask("job", "1-3", spec={"limits": ("unheard-of",)})
    assert farm.frames_of("job") == []


def test_a_limit_by_machine_counts_a_machine_once() -> None:
    farm = stage(*(machine(name) for name in "abc"))
    farm.decree(nuke=Limit(name="nuke", total=1, scope=LimitScope.MACHINE))
    farm.ask("job", "1-20", spec={"limits": ("nuke",)})
    assert sorted(map(len, (farm.held(name) for name in "abc"))) == [0, 0, 5]


def test_a_pool_is_bounded_by_a_ceiling_that_follows_its_queue() -> None:
    farm = stage(*(machine(name, cores=8) for name in "ab"))
    farm.decree(pool=Pool(name="default", scaling=Scaling(initial=2, maximum=6, step=2)))
    farm.ask("job", "1-500")
    assert running(farm)["job"] == 2
    farm.begin_all()
    farm.beats(75)
    assert running(farm)["job"] == 4
    farm.beats(120)
    assert running(farm)["job"] == 6


def test_a_licence_that_is_not_to_be_had_stops_the_wave_and_uses_no_retry() -> None:
    farm = stage(*(machine(name, cores=1) for name in "abcd"))
    farm.decree(arnold=Limit(name="arnold", total=10))
    farm.ask("job", "1-8", spec={"limits": ("arnold",)})
    farm.run_all("a", Outcome.FAILED, FailureKind.LICENCE)
    begun = len(farm.assigned)
    farm.run_all("b")
    farm.run_all("c")
    assert len(farm.assigned) == begun
    farm.beats(35)
    assert len(farm.assigned) > begun
    farm.render_everything()
    assert farm.state("job") is JobState.COMPLETED


def test_a_fifo_pool_goes_strictly_by_creation_whoever_asks_for_how_much() -> None:
    farm = stage(machine("a", cores=2), machine("b", cores=4))
    farm.ask("busy", "1-6", user="ann")
    farm.ask("big", "1", fifo=True, needs=Needs(cores=4, ram=1), user="bob")
    farm.now += timedelta(seconds=1)
    farm.ask("small", "1", fifo=True, user="cat", priority=0)
    farm.run_all("a")
    assert farm.frames_of("small") == []
    farm.run_all("b")
    farm.run_all("b")
    assert farm.frames_of("big") == [1]
    assert farm.frames_of("small") == [1]


@pytest.mark.parametrize("hours", [0.001, 100])
def test_a_deadline_is_a_hint_among_equals(hours: float) -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("old", "1-50")
    farm.now += timedelta(seconds=1)
    farm.ask("due", "1-50", spec={"deadline": farm.now + timedelta(hours=hours)})
    farm.ask("other", "1", needs=Needs(cores=1, ram=1, tags=("a",)))
    for _ in range(60):
        farm.run_all("a")
    first_due = [a.job_id for a in farm.assigned].index("due")
    assert first_due == 50 if hours > 1 else first_due <= 50


def test_a_ceiling_that_is_lifted_bounds_its_pool_no_longer() -> None:
    farm = stage(machine("a"))
    farm.decree(pool=Pool(name="default", scaling=Scaling(initial=1, maximum=1)))
    farm.ask("job", "1-9")
    farm.decree()
    assert running(farm)["job"] == 5


def test_a_full_pool_holds_up_no_other_pool_of_the_same_user() -> None:
    farm = stage(machine("a"))
    farm.decree(pool=Pool(name="small", scaling=Scaling(initial=1, maximum=1)))
    farm.ask("small", "1-9", spec={"pool": "small"})
    farm.ask("other", "1-9")
    assert running(farm) == {"small": 1, "other": 4}


def test_a_limit_by_machine_that_is_used_up_holds_up_nobody_who_asks_alike() -> None:
    farm = stage(machine("a"))
    farm.decree(nuke=Limit(name="nuke", total=0, scope=LimitScope.MACHINE))
    farm.ask("licensed", "1-9", spec={"limits": ("nuke",)})
    farm.ask("free", "1-9")
    assert farm.frames_of("licensed") == []
    assert running(farm)["free"] == 5


def test_a_licence_that_is_lacking_holds_up_no_pool() -> None:
    farm = stage(machine("a", cores=1))
    scaled = Pool(name="default", scaling=Scaling(initial=5, maximum=5))
    farm.decree(arnold=Limit(name="arnold", total=5), pool=scaled)
    farm.ask("licensed", "1", spec={"limits": ("arnold",)})
    farm.run_all("a", Outcome.FAILED, FailureKind.LICENCE)
    farm.ask("free", "1")
    assert farm.held("a") == ["free"]


def test_in_a_fifo_pool_no_deadline_goes_before_the_oldest() -> None:
    farm = stage(machine("a", cores=1))
    farm.ask("old", "1-3", fifo=True)
    farm.now += timedelta(seconds=1)
    farm.ask("due", "1-3", fifo=True, spec={"deadline": farm.now}, needs=Needs(cores=1, ram=2))
    for _ in range(6):
        farm.run_all("a")
    assert [order.job_id for order in farm.assigned] == ["old"] * 3 + ["due"] * 3


def test_devices_are_not_kept_for_what_waits_by_a_limit() -> None:
    farm = stage(machine("a", gpus=(Gpu(index=0),)))
    farm.decree(arnold=Limit(name="arnold", total=0))
    farm.ask("device", "1", needs=Needs(cores=4, ram=1, gpus=1), spec={"limits": ("arnold",)})
    farm.ask("plain", "1-4")
    farm.beats()
    assert running(farm)["plain"] == 4
