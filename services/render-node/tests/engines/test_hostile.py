"""Scenes that attack: none reaches anything, each leaves word of why, and the node goes on.

Plain Blender renders the same scenes beside, with autoexec off and with it on: what it lets happen
shows that the attacks are real and that these tests can see them. Blender 4.5.15 holds Freestyle's
scripts back when autoexec is off; 4.3 and 5.2 do not.
"""

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from engine_kit import Bench
from PIL import Image

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work
from lightmill.render_node.engines.blender import BpyModule, ScenePolicy
from lightmill.render_node.engines.sandbox import Bubblewrap
from lightmill.render_node.ports import RenderFailedError

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(180)]

HERE = Path(__file__).parent
TOKEN = "node-token-7391"  # noqa: S105  # invented
RAM, DISK, TOO_MUCH = 3 * 2**28, 2**27, 2**30
FREESTYLE = "Freestyle is off"
OUTSIDE = "outside the bundle, and not read"
ATTACKS = {
    "driver": "restricted access disallows name 'open'",
    "registered_text": "registered_text.py is registered to run with the scene, and is not run",
    "handler": "handler.py is registered to run with the scene, and is not run",
    "freestyle": FREESTYLE,
    "fork_bomb": FREESTYLE,
    "memory_bomb": FREESTYLE,
    "disk_filler": FREESTYLE,
    "network": FREESTYLE,
    "credentials": FREESTYLE,
    "signal": FREESTYLE,
    "absolute_output": "is muted",
    "parent_output": "is muted",
    "absolute_texture": OUTSIDE,
    "parent_texture": OUTSIDE,
    "symlinked_texture": OUTSIDE,
}
"""Every attack, with what the frame's log says of it on a node that trusts no scene."""

HELD_BY_WALLS = {
    "driver": "No such file or directory",
    "registered_text": "harm-registered_text refused",
    "handler": "harm-handler refused",
    "freestyle": "harm-freestyle refused",
    "network": "network refused: [Errno 111] Connection refused",
    "credentials": "credentials searched",
    "signal": "signal refused: [Errno 3] No such process",
}
ENDED = {
    "fork_bomb": (FailureKind.ENGINE, "started too many processes"),
    "memory_bomb": (FailureKind.OUT_OF_MEMORY, "more memory than it was granted"),
    "disk_filler": (FailureKind.ENGINE, "filled its scratch folder"),
}
"""What becomes of code that a trusting node lets run, inside the sandbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where attacks take place; `victim` is a process that one of them is after."""

    bench: Bench
    outside: Path
    python: Path

    def make(self, port: int) -> None:
        """Write the scenes."""
        words = {
            "outside": str(self.outside),
            "scratch": str(self.bench.scratch),
            "port": port,
            "size": TOO_MUCH,
        }
        self._run("hostile_scenes.py", self.bench.project, json.dumps(words))

    def plain(self, *names: str) -> frozenset[str]:
        """Return what reaches its aim when plain Blender renders it."""
        out = self.outside.with_name("plain")
        out.mkdir(exist_ok=True)
        with self.victim() as victim:
            self._run("plain.py", self.bench.project, out, *names)
            harmed = self.harms({name: out / f"{name}.png" for name in names}, victim)
        self.clean()
        return harmed

    def victim(self) -> "subprocess.Popen[bytes]":
        """Start a process, and tell the scenes of it."""
        process = subprocess.Popen(["sleep", "120"])  # noqa: S607  # any will do
        (self.bench.scratch / "victim").write_text(str(process.pid))
        return process

    def harms(self, images: dict[str, Path], victim: "subprocess.Popen[bytes]") -> frozenset[str]:
        """Return the attacks that have left their mark; the victim is ended."""
        marks = [*self.outside.glob("harm-*"), *self.bench.scratch.glob("harm-*")]
        found = {path.stem.removeprefix("harm-").rstrip("0123456789") for path in marks}
        found |= {name for name, image in images.items() if green(image)}
        found |= {"signal"} if victim.poll() is not None else set()
        victim.kill()
        return frozenset(found)

    def clean(self) -> None:
        """Remove the marks."""
        for folder in (self.outside, self.bench.scratch):
            for path in (*folder.glob("harm-*"), *folder.glob("filler-*")):
                path.unlink()

    def _run(self, script: str, *words: object) -> None:
        command = list(map(str, (self.python, HERE / script, *words)))
        environment = {"PATH": "/usr/bin:/bin", "LIGHTMILL_TEST_TOKEN": TOKEN}
        subprocess.run(command, check=True, capture_output=True, timeout=120, env=environment)  # noqa: S603  # the tests' own scripts


def green(path: Path) -> bool:
    """Tell whether the picture shows the secret."""
    if not path.is_file():
        return False
    with Image.open(path) as image:
        middle = np.asarray(image.convert("RGB"))[20:40, 30:60].mean(axis=(0, 1))
    return bool(middle[1] > 1.5 * max(middle[0], middle[2]))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, blender_python: Path) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    bubblewrap = Bubblewrap()
    bench = Bench(folder, bubblewrap if bubblewrap.works() else None)
    outside = folder / "outside"
    outside.mkdir()
    (outside / "token").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ground = Ground(bench=bench, outside=outside, python=blender_python)
        ground.make(server.getsockname()[1])
        yield ground


async def attacked(
    ground: Ground, name: str, *, trusting: bool
) -> tuple[frozenset[str], RenderFailedError | None, str]:
    """Return what the scene reached, how its frame failed, and what was said of it."""
    bench = ground.bench
    engine = BpyModule(ground.python.parent.parent, ScenePolicy(trusting=trusting))
    ram = 2**40 if name == "fork_bomb" else RAM  # what processes share counts for each
    launch = bench.launch(Work(engine="blender", scene=f"{name}.blend"), ram=ram)
    bench.log.unlink(missing_ok=True)
    failure = None
    image = bench.scratch / f"{name}.png"
    with ground.victim() as victim:
        renderer = await bench.open(engine, replace(launch, disk=DISK))
        try:
            await bench.render(renderer, 1, image.name)
        except RenderFailedError as error:
            failure = error
        await renderer.close()
        harmed = ground.harms({name: image}, victim)
    ground.clean()
    assert not bench.processes()
    return harmed, failure, bench.log.read_text()


def test_plain_blender_lets_them(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    off = ground.plain(*ATTACKS)
    on = ground.plain("trusting", *ATTACKS)
    with capsys.disabled():
        print(f"\n{'attack':20} plain, autoexec off   plain, autoexec on   Lightmill")  # noqa: T201  # for people
        for name in ATTACKS:
            shown = ["harmed" if name in harms else "-" for harms in (off, on)]
            print(f"{name:20} {shown[0]:21} {shown[1]:20} -")  # noqa: T201  # the tests below see to it
    assert on == ATTACKS.keys()
    textures = {"absolute_texture", "parent_texture", "symlinked_texture"}
    assert off >= {"absolute_output", "parent_output", *textures}
    assert not off & {"driver", "registered_text", "handler"}


@pytest.mark.parametrize("name", ATTACKS)
async def test_attack_reaches_nothing_and_is_told(ground: Ground, name: str) -> None:
    harmed, failure, log = await attacked(ground, name, trusting=False)
    assert not harmed
    assert failure is None
    assert ATTACKS[name] in log


@pytest.mark.parametrize("name", HELD_BY_WALLS)
async def test_code_that_is_let_run_is_held_by_the_walls(ground: Ground, name: str) -> None:
    if not Bubblewrap().works():
        pytest.skip("bubblewrap does not work here")
    harmed, failure, log = await attacked(ground, name, trusting=True)
    assert not harmed
    assert failure is None
    assert HELD_BY_WALLS[name] in log


@pytest.mark.parametrize("name", ENDED)
async def test_code_that_takes_too_much_is_ended(ground: Ground, name: str) -> None:
    harmed, failure, _ = await attacked(ground, name, trusting=True)
    assert not harmed
    assert failure is not None
    kind, words = ENDED[name]
    assert failure.kind is kind
    assert words in failure.detail


async def test_the_node_is_well_afterwards(ground: Ground) -> None:
    harmed, failure, _ = await attacked(ground, "honest", trusting=False)
    assert not harmed
    assert failure is None
    assert (ground.bench.scratch / "honest.png").is_file()
