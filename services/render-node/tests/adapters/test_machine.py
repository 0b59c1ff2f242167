from pathlib import Path

import pytest

from lightmill.domain.resources import Gpu
from lightmill.render_node.adapters import machine


def test_the_machine_has_something() -> None:
    assert machine.cores() >= 1
    assert machine.ram() > 2**20


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None)]
)
def test_a_quota_of_the_cgroup_holds(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert machine.cores(tmp_path) == (cores or machine.cores(tmp_path / "none"))


@pytest.mark.parametrize(
    ("limit", "ram"), [(f"{2**30 + 5}", 2**30), ("1048576", 2**26), ("max", None)]
)
def test_a_memory_limit_of_the_cgroup_holds(tmp_path: Path, limit: str, ram: int | None) -> None:
    (tmp_path / "memory.max").write_text(limit)
    assert machine.ram(tmp_path) == (ram or machine.ram(tmp_path / "none"))


def test_devices_are_read_from_the_driver() -> None:
    listing = "0, NVIDIA RTX 6000, 49140\n1, NVIDIA T4, 15360\nNo devices were found\n"
    assert machine.gpus_from(listing) == (
        Gpu(index=0, name="NVIDIA RTX 6000", vendor="nvidia", vram=49140 * 2**20),
        Gpu(index=1, name="NVIDIA T4", vendor="nvidia", vram=15360 * 2**20),
    )
