from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
import pytest
from PIL import Image

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.ports import RenderFailedError

FORMATS = {"png": "image/png", "jpg": "image/jpeg", "exr": "image/x-exr", "tif": "image/tiff"}


def written(path: Path, linear: float = 0.2, names: tuple[str, ...] = ("R", "G", "B")) -> Path:
    """Write a picture of 600 x 300, its left half black and its right half of one grey."""
    pixels = np.zeros((300, 600, len(names)), np.float32)
    pixels[:, 300:] = linear
    spec = oiio.ImageSpec(600, 300, len(names), "half" if path.suffix == ".exr" else "uint8")
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    assert output.close()
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_image_passes(tmp_path: Path, suffix: str) -> None:
    found = OpenImageIoImages().check(written(tmp_path / f"a.{suffix}"), 600, 300)
    assert (found.width, found.height, found.media_type) == (600, 300, FORMATS[suffix])


@pytest.mark.parametrize("suffix", ["png", "jpg", "exr"])
@pytest.mark.parametrize("missing", [1, 5, 0.5, 0.99])
def test_truncated_image_is_refused(tmp_path: Path, suffix: str, missing: float) -> None:
    path = written(tmp_path / f"a.{suffix}")
    data = path.read_bytes()
    cut = missing if isinstance(missing, int) else int(len(data) * missing)
    path.write_bytes(data[:-cut])
    with pytest.raises(RenderFailedError) as refused:
        OpenImageIoImages().check(path, 600, 300)
    assert refused.value.kind is FailureKind.OUTPUT


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(RenderFailedError, match=r"a\.png"):
        OpenImageIoImages().check(path, None, None)


def test_missing_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderFailedError, match="No such file"):
        OpenImageIoImages().check(tmp_path / "a.png", None, None)


def test_wrong_size_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png")
    with pytest.raises(RenderFailedError, match="is 300 pixels high, not 301"):
        OpenImageIoImages().check(path, 600, 301)


def test_file_that_changed_is_read_again(tmp_path: Path) -> None:
    images, path = OpenImageIoImages(), written(tmp_path / "a.png")
    images.check(path, 600, 300)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RenderFailedError):
        images.check(path, 600, 300)


@pytest.mark.parametrize("names", [("R", "G", "B"), ("View.Z", "View.R", "View.G", "View.B")])
def test_thumbnail_of_linear_light_is_srgb(tmp_path: Path, names: tuple[str, ...]) -> None:
    target = tmp_path / "t.jpg"
    OpenImageIoImages().thumbnail(written(tmp_path / "a.exr", names=names), target)
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert image.size == (200, 100)
        left, right = image.getpixel((20, 50)), image.getpixel((180, 50))
    assert left == (0, 0, 0)
    assert isinstance(right, tuple)
    assert all(abs(value - 124) <= 2 for value in right)  # 0.2 linear is 0.485 in sRGB


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (255, 257)])
def test_thumbnail_of_any_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size, 200).save(tmp_path / "a.png")
    OpenImageIoImages().thumbnail(tmp_path / "a.png", tmp_path / "t.jpg")
    with Image.open(tmp_path / "t.jpg") as image:
        assert max(image.size) <= 256
        assert image.getpixel((0, 0)) == (200, 200, 200)
