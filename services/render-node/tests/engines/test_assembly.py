"""Images become a still, a film, a contact sheet, by a process that is shut in."""

import re
import subprocess
from pathlib import Path

import pytest
from engine_kit import Bench
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from lightmill.domain.assembly import ASSEMBLY
from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.core.naming import image_name
from lightmill.render_node.engines.assembly import AssemblyEngine
from lightmill.render_node.engines.assembly_inside import poster
from lightmill.render_node.engines.films import FilmsAndImages
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.ports import RenderedImage, RenderFailedError

CHECK = FilmsAndImages(OpenImageIoImages())


def work(assemble: str, **settings: Json) -> Work:
    inputs = ("test", "frames")
    return Work(engine=ASSEMBLY, settings={"assemble": assemble, **settings}, inputs=inputs)


def rendered(project: Path, step: str, *frames: int, size: tuple[int, int] = (32, 18)) -> None:
    """Leave frames of a step, each grey as its number says."""
    (project / step).mkdir(exist_ok=True)
    for frame in frames:
        image = Image.new("RGB", size, (frame * 10, frame * 10, frame * 10))
        image.save(project / step / f"{frame:04d}.png")


async def assembled(bench: Bench, asked: Work, frame: int = 1) -> RenderedImage:
    renderer = await bench.open(AssemblyEngine(), bench.launch(asked))
    return await bench.render(renderer, frame, image_name(asked, frame))


def looked_at(film: Path) -> str:
    """Return what another program says of every picture of a film."""
    command = [get_ffmpeg_exe(), "-i", str(film), "-vf", "showinfo", "-f", "null", "-"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603  # the tests' own words
    return ended.stderr


async def test_a_film_plays_every_frame_in_order(bench: Bench) -> None:
    rendered(bench.project, "frames", 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    rendered(bench.project, "test", 3)
    film = (await assembled(bench, work("film", format="MP4", fps=12))).path
    assert film.name == "film.mp4"
    seen = looked_at(film)
    means = [int(mean) for mean in re.findall(r"mean:\[(\d+) ", seen)]
    assert len(means) == 12
    assert means == sorted(set(means))
    assert "12 fps" in seen
    assert bench.progress[-1] == 1.0


@pytest.mark.parametrize(("size", "made"), [((33, 19), (34, 20)), ((4000, 10), (3840, 10))])
async def test_a_film_has_sides_that_players_take(
    bench: Bench, size: tuple[int, int], made: tuple[int, int]
) -> None:
    rendered(bench.project, "frames", 1, 2, size=size)
    film = (await assembled(bench, work("film", format="MP4"))).path
    found = CHECK.check(film, *made)
    assert (found.width, found.height, found.media_type) == (*made, "video/mp4")


async def test_a_film_that_is_cut_off_is_refused(bench: Bench, tmp_path: Path) -> None:
    rendered(bench.project, "frames", 1, 2, 3)
    whole = (await assembled(bench, work("film", format="MP4"))).path.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(whole[:length])
        with pytest.raises(RenderFailedError, match=r"cut\.mp4 is no whole film") as failed:
            CHECK.check(cut, None, None)
        assert failed.value.kind is FailureKind.OUTPUT


async def test_the_middle_frame_stands_for_a_film(bench: Bench, tmp_path: Path) -> None:
    rendered(bench.project, "frames", *range(1, 10), size=(400, 300))
    film = (await assembled(bench, work("film", format="MP4"))).path
    CHECK.thumbnail(film, tmp_path / "small.jpg")
    with Image.open(tmp_path / "small.jpg") as small:
        assert max(small.size) == 200  # the whole number of times that it is smaller
        assert small.getpixel((100, 75)) == pytest.approx((50, 50, 50), abs=2)
    assert not (tmp_path / "small.jpg.poster.jpg").exists()


async def test_a_film_without_a_poster_and_one_whose_poster_is_none_say_so(
    bench: Bench, tmp_path: Path
) -> None:
    rendered(bench.project, "frames", 1)
    film = (await assembled(bench, work("film", format="MP4"))).path
    bare = film.read_bytes().partition(poster.NAME)[0][:-8]
    film.write_bytes(bare)
    with pytest.raises(RenderFailedError, match="brings no poster"):
        CHECK.thumbnail(film, tmp_path / "small.jpg")
    poster.attach(film, b"no picture")
    CHECK.check(film, None, None)
    with pytest.raises(RenderFailedError, match="is no image"):
        CHECK.thumbnail(film, tmp_path / "small.jpg")


async def test_a_contact_sheet_shows_the_frames_in_rows(bench: Bench) -> None:
    rendered(bench.project, "frames", *range(1, 9))
    sheet = (await assembled(bench, work("contact-sheet", format="PNG"))).path
    assert sheet.name == "contact-sheet.png"
    with Image.open(sheet) as image:
        found = {image.getpixel((x, y)) for x in range(image.width) for y in range(image.height)}
    assert {(frame * 10,) * 3 for frame in range(1, 9)} < found


async def test_what_cannot_be_put_together_says_which_and_why(bench: Bench) -> None:
    rendered(bench.project, "frames", 1)
    rendered(bench.project, "frames", 2, size=(30, 18))
    (bench.project / "frames/0003.png").write_bytes(b"no image")
    asked: list[tuple[Work, int, str]] = [
        (work("film", format="MP4"), 1, "0002.png is not as large as 0001.png"),
        (work("contact-sheet"), 1, "0003.png is no image"),
        (work("stitch", columns=2, rows=1), 0, "0000.png needs 2 tiles, not 1"),
        (work("stitch", columns=2, rows=1), 1, "0003.png is no image"),
        (work("collage"), 1, "nothing is called 'collage'"),
    ]
    for one, frame, words in asked:
        with pytest.raises(RenderFailedError, match=words) as failed:
            await assembled(bench, one, frame)
        assert failed.value.kind is FailureKind.OUTPUT


async def test_no_images_make_no_film(bench: Bench) -> None:
    with pytest.raises(RenderFailedError, match="there are no images"):
        await assembled(bench, work("film", format="MP4"))
