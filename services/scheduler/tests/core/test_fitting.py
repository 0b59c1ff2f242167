"""Which machine a task goes to."""

from dataclasses import replace

from lightmill.domain.policy import Pool
from lightmill.domain.resources import Gpu, Needs
from lightmill.scheduler.simulation.invented_node import InventedNode, machine
from lightmill.scheduler.simulation.stage import Stage

_GPUS = tuple(Gpu(index=n, name="A", vendor="nvidia", vram=24) for n in range(2))


def stage(*nodes: InventedNode) -> Stage:
    made = Stage(*nodes)
    made.report()
    return made


def test_devices_are_told_apart_by_vendor_and_memory() -> None:
    small = Gpu(index=0, vendor="nvidia", vram=8)
    large = Gpu(index=1, vendor="nvidia", vram=24)
    other = Gpu(index=2, vendor="amd", vram=48)
    farm = stage(machine("a", gpus=(small, large, other)))
    farm.ask("job", "1", needs=Needs(cores=1, ram=1, gpus=1, vram=16, vendor="nvidia"))
    (order,) = farm.assigned
    assert order.gpus == (1,)


def test_work_without_devices_spares_machines_that_have_some() -> None:
    farm = stage(machine("gpu", gpus=_GPUS), machine("plain"))
    farm.ask("job", "1-4")
    assert farm.held("gpu") == []


def test_work_without_devices_uses_what_is_left_beside_them() -> None:
    farm = stage(machine("gpu", cores=8, gpus=_GPUS))
    farm.ask("graphics", "1-10", needs=Needs(cores=2, ram=1, gpus=1))
    farm.ask("plain", "1-10")
    held = farm.held("gpu")
    assert held.count("graphics") == 2
    assert held.count("plain") >= 4


def test_machines_with_devices_are_kept_for_work_that_waits_for_them() -> None:
    farm = stage(machine("gpu", cores=4, gpus=_GPUS[:1]))
    farm.ask("busy", "1", needs=Needs(cores=1, ram=1, gpus=1))
    farm.ask("graphics", "1-3", needs=Needs(cores=2, ram=1, gpus=1))
    farm.ask("plain", "1-50")
    node = farm.nodes["gpu"]
    for _ in range(8):
        node.begin()
        graphics = [i for i, order in node.held.items() if order.gpus and i in node.running]
        plain = [i for i, order in node.held.items() if not order.gpus and i in node.running]
        for attempt_id in graphics[:1] + plain[:1]:
            node.finish(attempt_id)
        farm.report("gpu")
    assert farm.frames_of("graphics") == [1, 2, 3]


def test_work_waits_on_a_busy_machine_only_where_its_disk_is_free_already() -> None:
    node = machine("a")
    node.offer = replace(node.offer, disk=100)
    farm = stage(node)
    farm.ask("busy", "1-2", needs=Needs(cores=2, ram=1, disk=30))
    farm.ask("large", "1", needs=Needs(cores=2, ram=1, disk=50))
    farm.ask("small", "1", needs=Needs(cores=2, ram=1, disk=40))
    assert farm.held("a") == ["busy", "busy", "small"]


def test_what_fits_everywhere_leaves_the_large_machines_to_what_fits_only_there() -> None:
    farm = stage(machine("large", cores=4, ram=1000), machine("small", cores=4, ram=10))
    farm.ask("heavy", "1-9", needs=Needs(cores=1, ram=200))
    farm.ask("light", "1-4", priority=50)
    assert farm.held("small").count("light") == 4


def test_a_scene_stays_where_it_is_open() -> None:
    farm = stage(*(machine(name, cores=1) for name in "abcd"))
    for job in "wxyz":
        farm.ask(job, "1-50", user=job)
    for _ in range(40):
        for name in "abcd":
            farm.run_all(name)
    last: dict[str, str] = {}
    opened = 0
    for node_id, job in _order(farm):
        opened += last.get(node_id) != job
        last[node_id] = job
    assert opened <= 0.05 * len(farm.assigned) + 8


def _order(farm: Stage) -> list[tuple[str, str]]:
    return [(farm.went[order.attempt_id], order.job_id) for order in farm.assigned]


def test_a_pool_may_demand_isolation() -> None:
    farm = stage(machine("a"))
    farm.decree(pool=Pool(name="default", sandbox="bubblewrap"))
    farm.ask("job", "1")
    farm.ask("careless", "1", needs=Needs(cores=1, sandbox="none"))
    assert farm.assigned == []


def _walled(name: str) -> InventedNode:
    node = machine(name)
    return replace(node, offer=replace(node.offer, sandbox="bubblewrap"))


def test_an_order_says_what_isolation_its_pool_and_its_job_demand() -> None:
    farm = stage(_walled("a"))
    farm.decree(pool=Pool(name="default", sandbox="container"))
    farm.ask("job", "1", needs=Needs(cores=1))
    farm.ask("careful", "1", needs=Needs(cores=1, sandbox="bubblewrap"))
    assert {order.job_id: order.sandbox for order in farm.assigned} == {
        "job": "container",
        "careful": "bubblewrap",
    }
