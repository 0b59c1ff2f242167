"""The `lightmill` command against a farm."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lightmill.client import Farm
from lightmill.local.config import LocalSettings
from lightmill.local.farm import farm

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Shell:
    home: Path
    more: dict[str, str]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
        return subprocess.run(  # noqa: S603  # ours
            [sys.executable, "-m", "lightmill.client", *arguments],
            env=environment | self.more,
            check=False,
            capture_output=True,
            text=True,
        )

    def data(self, *arguments: str) -> str:
        ended = self(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()


async def on_a_farm(home: Path, program: Callable[[str, str], None]) -> None:
    chosen = LocalSettings(data=home / "farm", nodes=1, port=0, simulated=True)
    async with farm(chosen) as running:
        await asyncio.to_thread(program, running.url, running.token)


async def test_a_scene_goes_in_and_its_images_come_out(tmp_path: Path) -> None:
    scene = tmp_path / "shots" / "shot.blend"
    scene.parent.mkdir()
    scene.write_bytes(b"a scene that the simulated engine never opens")

    def program(url: str, token: str) -> None:
        shell = Shell(tmp_path, {})
        refused = shell("login", url, "--token", token[:-3] + "xyz")
        assert refused.returncode == 3
        assert "log in" in refused.stderr or "login" in refused.stderr
        shell.data("login", url, "--token", token)
        job = shell.data(
            *("submit", str(scene), "--frames", "1-3", "--test-frames", "2", "--watch"),
            *("--engine", "simulated", "--allow-missing", "--setting", "seconds=0.05"),
            *("--setting", "width=32", "--setting", "height=18"),
        )
        shown = json.loads(shell.data("job", "show", job, "--json"))
        assert (shown["state"], shown["frames"]["succeeded"]) == ("COMPLETED", 3)
        listed = json.loads(shell.data("job", "list", "--json"))
        assert [one["id"] for one in listed] == [job]
        assert job in shell.data("job", "list")
        files = shell.data("job", "download", job, str(tmp_path / "images")).splitlines()
        assert [Path(file).name for file in files] == ["0001.png", "0002.png", "0003.png"]
        nodes = json.loads(shell.data("node", "list", "--json"))
        assert [node["state"] for node in nodes] == ["ONLINE"]

    await on_a_farm(tmp_path, program)


async def test_exit_codes_say_what_went_wrong(tmp_path: Path) -> None:
    scene = tmp_path / "shots" / "shot.blend"
    scene.parent.mkdir()
    scene.write_bytes(b"x")

    def program(url: str, token: str) -> None:
        shell = Shell(tmp_path, {"LIGHTMILL_URL": url, "LIGHTMILL_TOKEN": token})
        submit = ("submit", str(scene), "--engine", "simulated", "--allow-missing")
        assert shell("job", "show", "01a20148-30c2-717b-9b88-6b246ae40e7e").returncode == 4
        refused = shell(*submit, "--frames", "5-1x0")
        assert (refused.returncode, refused.stdout) == (5, "")
        assert "frames" in refused.stderr
        assert shell(*submit, "--frames", "1", "--setting", "width").returncode == 2
        with Farm(url, token) as one:
            failing = one.submit(
                name="bad",
                engine="simulated",
                frames="1",
                settings={"seconds": 0.01, "fail_frames": [1]},
                retry={"retries": 0},
            )
        watched = shell("job", "watch", failing)
        assert watched.returncode == 1
        assert f"lightmill job retry {failing}" in watched.stderr

    await on_a_farm(tmp_path, program)


def test_without_a_farm_the_command_says_what_to_do(tmp_path: Path) -> None:
    ended = Shell(tmp_path, {})("job", "list")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "lightmill login" in ended.stderr
