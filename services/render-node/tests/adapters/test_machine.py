from pathlib import Path

import pytest

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
