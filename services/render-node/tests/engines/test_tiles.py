"""A still in four tiles, rendered by two engines, against the still in one."""

from pathlib import Path

import numpy as np
import pytest
from engine_kit import Bench, Subject

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.core.tiles import Tiling
from lightmill.render_node.engines.assembly_inside.reading import AssemblyError
from lightmill.render_node.engines.assembly_inside.stitching import stitch
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.renderer import WarmRenderer
from lightmill.render_node.engines.sandbox import Bubblewrap
from lightmill.render_node.ports import RenderFailedError

oiio = pytest.importorskip("OpenImageIO")
pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(180)]
WHOLE: dict[str, Json] = {"columns": 1, "rows": 1}
FOUR: dict[str, Json] = {"columns": 2, "rows": 2}
FRAME = 5
TILES = range(FRAME * 4, FRAME * 4 + 4)


async def opened(
    folder: Path, subject: Subject, scene: str, **settings: Json
) -> tuple[Bench, WarmRenderer]:
    folder.mkdir()  # noqa: ASYNC240  # nothing else runs meanwhile
    bubblewrap = Bubblewrap()
    bench = Bench(folder, bubblewrap if bubblewrap.works() else None)
    work = Work(engine="blender", scene=scene, settings=settings)
    renderer = await bench.open(subject.engine, bench.launch(work, subject.project))
    assert isinstance(renderer, WarmRenderer)
    return bench, renderer


def pixels(path: Path) -> np.ndarray:
    found: np.ndarray = oiio.ImageInput.open(str(path)).read_image("float")
    return found


@pytest.mark.parametrize("suffix", ["png", "exr"])
async def test_four_tiles_of_two_engines_are_the_still(
    tmp_path: Path, blender: Subject, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size: dict[str, Json] = {"width": 97, "height": 65}
    one, alone = await opened(tmp_path / "one", blender, "moving.blend", tiles=WHOLE, **size)
    whole = (await one.render(alone, FRAME, f"whole.{suffix}")).path
    nodes = [
        await opened(tmp_path / name, blender, "moving.blend", tiles=FOUR, **size)
        for name in ("left", "right")
    ]
    tiles = []
    for number in TILES:
        bench, renderer = nodes[number % 2]
        tiles.append((await bench.render(renderer, number, f"{number}.{suffix}")).path)
    target = tmp_path / f"still.{suffix}"
    stitch(tiles, Tiling(2, 2), target)
    for bench in (one, *(bench for bench, _ in nodes)):
        await bench.close()

    OpenImageIoImages().check(target, 97, 65)
    difference = float(np.abs(pixels(target) - pixels(whole)).max())
    with capsys.disabled():
        print(f"\n{suffix}: largest difference of a channel, tiles against still: {difference:g}")  # noqa: T201  # for people
    assert difference <= 1e-3
    with pytest.raises(AssemblyError, match="needs 4 tiles, not 3"):
        stitch(tiles[:3], Tiling(2, 2), target)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tiles": {"columns": 0}}, "tiles are written as"),
        ({"tiles": {"columns": 99}, "width": 64}, "too few for the tiles"),
        ({"view_layers": ["Absent"]}, "there is no view layer 'Absent'; there are: ViewLayer"),
        ({"addons": ["rigify"]}, "'rigify' is not allowed here; allowed are: none"),
    ],
)
async def test_what_cannot_be_is_refused(
    tmp_path: Path, blender: Subject, settings: dict[str, Json], words: str
) -> None:
    bench, renderer = await opened(tmp_path / "node", blender, "moving.blend", **settings)
    with pytest.raises(RenderFailedError, match=words) as failed:
        await bench.render(renderer, 5)
    assert failed.value.kind is FailureKind.ENGINE
    await bench.close()
