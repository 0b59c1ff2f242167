"""What an image says of itself, and that its pixels are what they were."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lightmill.render_node.engines.embedding import embed
from lightmill.render_node.engines.images import OpenImageIoImages

TEXT = '{"job": "j", "frame": 7, "samples": 64, "even": true}'
NAMES = {"png": "Lightmill", "tif": "ImageDescription", "exr": "lightmill"}


def written(path: Path, compression: str = "", *, tiled: bool = False, parts: int = 1) -> Path:
    """Write noise, which no compression leaves alone."""
    pixels = np.random.default_rng(1).random((70, 90, 3), dtype=np.float32)
    spec = oiio.ImageSpec(90, 70, 3, "half" if path.suffix == ".exr" else "uint8")
    if compression:
        spec.attribute("compression", compression)
    if tiled:
        spec.tile_width = spec.tile_height = 32
    specs = []
    for number in range(parts):
        part = oiio.ImageSpec(spec)
        part.attribute("oiio:subimagename", f"part{number}")
        specs.append(part)
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    assert output.open(str(path), tuple(specs)) if parts > 1 else output.open(str(path), spec)
    for number in range(parts):
        assert number == 0 or output.open(str(path), specs[number], "AppendSubimage")
        assert output.write_image(pixels)
    assert output.close()
    return path


def pixels(path: Path, part: int = 0) -> np.ndarray:
    source = oiio.ImageInput.open(str(path))
    assert source is not None
    found = source.read_image(part, 0, 0, 3, "float")
    assert found is not None
    return np.asarray(found)


def said(path: Path) -> object:
    if path.suffix != ".jpg":
        return attributes(path)[NAMES[path.suffix[1:]]]
    with Image.open(path) as image:
        return bytes(image.info["comment"]).decode()


def attributes(path: Path) -> dict[str, object]:
    source = oiio.ImageInput.open(str(path))
    assert source is not None
    spec = source.spec()
    return {one.name: one.value for one in spec.extra_attribs}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.jpg", {}),
        ("a.tif", {"compression": "lzw"}),
        ("a.tif", {"compression": "none", "tiled": True}),
        ("a.exr", {"compression": "zip"}),
        ("a.exr", {"compression": "dwaa"}),
        ("a.exr", {"compression": "piz", "tiled": True}),
        ("a.exr", {"compression": "none", "parts": 3}),
    ],
)
def test_the_text_is_there_and_the_pixels_are_what_they_were(
    tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    path = written(tmp_path / name, **options)  # type: ignore[arg-type]  # of the function above
    parts = range(int(str(options.get("parts", 1))))
    before = [pixels(path, part) for part in parts]
    assert embed(path, TEXT)
    OpenImageIoImages().check(path, 90, 70)
    for part in parts:
        assert np.array_equal(pixels(path, part), before[part])
    assert said(path) == TEXT
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_other_readers_take_it_too(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.tif"):
        path = written(tmp_path / name)
        before = Image.open(path).convert("RGB").tobytes()
        assert embed(path, TEXT)
        with Image.open(path) as image:
            assert image.convert("RGB").tobytes() == before
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Lightmill"] == TEXT


def test_a_text_is_written_over_that_of_a_tile(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif")
    assert embed(path, "first")
    assert embed(path, TEXT)
    assert attributes(path)["ImageDescription"] == TEXT


def test_a_format_without_room_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (8, 8)).save(path)
    before = path.read_bytes()
    assert not embed(path, TEXT)
    assert path.read_bytes() == before


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["png", "jpg", "tif", "exr"]), st.data())
def test_whatever_is_damaged_fails_in_no_other_way(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    path = written(tmp_path_factory.mktemp("damaged") / f"a.{suffix}")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(600, len(content) - 1)))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    embed(path, TEXT)
