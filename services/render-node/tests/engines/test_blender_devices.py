"""Which graphics devices Blender is shown; no such device is needed, and none was tried."""

from pathlib import Path

import pytest

from lightmill.domain.job import Work
from lightmill.render_node.engines.blender import BpyModule
from lightmill.render_node.engines.contract import Command
from lightmill.render_node.ports import Launch


def command(home: Path, *gpus: int) -> Command:
    launch = Launch(
        step_id="step",
        work=Work(engine="blender", scene="a.blend"),
        project=home,
        scratch=home,
        cores=1,
        ram=2**30,
        gpus=gpus,
        log=home / "log.txt",
    )
    return BpyModule(home).command(launch)


@pytest.mark.parametrize(
    "name", ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"]
)
def test_the_drivers_of_every_vendor_show_the_devices_that_were_granted(
    tmp_path: Path, name: str
) -> None:
    assert command(tmp_path, 0, 2).environment[name] == "0,2"


def test_nvidias_devices_are_counted_as_they_were_when_they_were_offered(tmp_path: Path) -> None:
    made = command(tmp_path, 1)
    assert made.environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    named = [path.name for path in made.devices if path.name.removeprefix("nvidia").isdigit()]
    assert named == ["nvidia1"]


def test_without_a_device_of_its_own_it_sees_none(tmp_path: Path) -> None:
    made = command(tmp_path)
    assert made.devices == ()
    assert made.environment["CUDA_VISIBLE_DEVICES"] == ""
    assert made.environment["HIP_VISIBLE_DEVICES"] == ""
