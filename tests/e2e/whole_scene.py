"""What a farm has to make of a scene whose images come in every way, whichever parts it has."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it

from lightmill.client import Farm, RefusedError
from lightmill.local.pictures import open_image
from lightmill.testing.blender import RunBlender

HERE = Path(__file__)
SCENE = "scenes/shot.blend"
FRAMES = (1, 2, 3)
PARTS_OF_WIDTH = 8  # four planes side by side, the second with two tiles


@dataclass(frozen=True)
class WholeScene:
    """A folder as an artist has it, and what Blender makes of it there."""

    folder: Path
    rendered: Path


def write(run_blender: RunBlender, folder: Path) -> WholeScene:
    """Return the scene, and its frames rendered by Blender on the folder itself."""
    original, rendered = folder / "original", folder / "rendered"
    rendered.mkdir()
    run_blender(HERE.with_name("make_whole_scene.py"), str(original))
    frames = ",".join(map(str, FRAMES))
    script = HERE.with_name("render_plainly.py")
    run_blender(script, str(original / SCENE), str(rendered), frames)
    return WholeScene(original, rendered)


def require_same_pixels(farm: Farm, scene: WholeScene, target: Path) -> None:
    """Return when the farm, given the folder, renders what Blender does; prints the difference."""
    bundle = farm.upload_folder(scene.folder)
    assert farm.analyse(bundle.bundle_id, SCENE).missing == ()
    job_id = farm.submit(name="whole", bundle_id=bundle.bundle_id, scene=SCENE, frames="1-3")
    assert farm.wait(job_id).frames.succeeded == len(FRAMES)
    images = farm.download(job_id, target)
    for ours, theirs in zip(images, sorted(scene.rendered.iterdir()), strict=True):
        found = oiio.ImageBufAlgo.compare(open_image(ours), open_image(theirs), 0.0, 0.0)
        told = f"{ours.name}: {found.nfail} pixels differ, at most by {found.maxerror}"
        print(told)  # noqa: T201  # what the comparison is for
        assert found.nfail == 0
    require_colours(images)


def require_colours(images: Sequence[Path]) -> None:
    """Return when every plane shows an image of its own, and the sequence a frame of its own."""
    seen = [_colours(open_image(path)) for path in images]
    pink = (1.0, 0.0, 1.0)  # what Blender shows where an image is missing
    assert all(colour != pink for colours in seen for colour in colours)
    assert len({seen[0][part] for part in (0, 2, 3, 4, 6)}) == 5
    assert len({colours[4] for colours in seen}) == len(FRAMES)


def _colours(image: oiio.ImageBuf) -> list[tuple[float, ...]]:
    """Return the colour before the middle and the end of each plane, where it is brightest."""
    spec = image.spec()
    step = spec.width // PARTS_OF_WIDTH
    places = [part * step + step - 1 for part in range(PARTS_OF_WIDTH)]
    return [tuple(image.getpixel(x, spec.height // 2)[:3]) for x in places]


def require_refusal(farm: Farm, scene: WholeScene, folder: Path) -> None:
    """Return when the scene without one image is refused by name, with its user and a hint."""
    shutil.copytree(scene.folder, folder)
    (folder / "textures/wood.png").rename(folder / "Wood.PNG")
    bundle = farm.upload_folder(folder)
    found = farm.analyse(bundle.bundle_id, SCENE)
    (missing,) = [path for entry in found.missing for path in entry.values()]
    assert missing == "//../textures/wood.png"
    jobs = len(farm.jobs())
    try:
        farm.submit(name="whole", bundle_id=bundle.bundle_id, scene=SCENE, frames="1-3")
    except RefusedError as refused:
        told = str(refused)
    else:
        raise AssertionError("a scene that misses a file was taken")
    for word in (missing, "libraries/props.blend", "wood", "Wood.PNG", "upper and lower case"):
        assert word in told, told
    assert len(farm.jobs()) == jobs
