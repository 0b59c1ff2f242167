"""What the machine's sensors and its people say."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from lightmill.render_node.adapters import surroundings
from lightmill.render_node.adapters.surroundings import Machine, OthersShare, hottest
from lightmill.runtime.clock import SystemClock


class Reading(NamedTuple):
    """As psutil gives them."""

    label: str
    current: float
    high: float | None
    critical: float | None


def test_who_pauses_a_node_is_heard_until_it_is_resumed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SystemClock())
    assert machine.look().paused is None
    surroundings.pause(tmp_path, " I am at it\n")
    assert machine.look().paused == "I am at it"
    assert Machine(tmp_path, SystemClock()).look().paused == "I am at it"
    surroundings.resume(tmp_path)
    surroundings.resume(tmp_path)
    assert machine.look().paused is None


def test_word_of_hindrances_is_left_and_gone_with_the_next_start(tmp_path: Path) -> None:
    machine = Machine(tmp_path, SystemClock())
    machine.tell(("too hot (90 °C)", "paused"))
    assert surroundings.told(tmp_path) == ["too hot (90 °C)", "paused"]
    machine.tell(())
    assert surroundings.told(tmp_path) == []
    machine.tell(("paused",))
    Machine(tmp_path, SystemClock())
    assert surroundings.told(tmp_path) == []


def test_the_disk_of_the_folder_is_looked_at(tmp_path: Path) -> None:
    assert Machine(tmp_path, SystemClock()).look().free_disk > 0


def test_the_hottest_sensor_counts() -> None:
    recorded = {
        "coretemp": [
            Reading("Package id 0", 61.0, 80.0, 100.0),
            Reading("Core 0", 72.5, 80.0, 100.0),
        ],
        "nvme": [Reading("Composite", 41.9, 81.8, 84.8)],
        "dead": [Reading("", 0.0, None, None)],
    }
    assert hottest(recorded) == 72.5
    assert hottest({}) is None


def test_what_the_node_and_its_engines_use_is_not_others() -> None:
    share = OthersShare()
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)  # noqa: S603  # our own words
    assert 0.0 <= share() <= 1.0
    whole, busy, own = share._spent()  # noqa: SLF001  # the three figures are what it stands on
    assert whole >= busy > 0
    assert own >= 0.3
