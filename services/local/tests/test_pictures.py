from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it
import pytest

from lightmill.local.pictures import (
    PictureError,
    open_image,
    require_motion,
    write_contact_sheet,
)


def write(path: Path, value: int, channels: int = 4) -> Path:
    image = oiio.ImageBuf(np.full((90, 160, channels), value, dtype=np.uint8))
    assert image.write(str(path))
    return path


def test_a_contact_sheet_holds_every_image_in_rows_of_six(tmp_path: Path) -> None:
    images = [write(tmp_path / f"{n}.png", 20 * n, channels=3 + n % 2) for n in range(8)]
    write_contact_sheet(images, tmp_path / "sheet.png")
    sheet = open_image(tmp_path / "sheet.png")
    assert (sheet.spec().width, sheet.spec().height) == (6 * 192, 2 * 108)
    assert round(sheet.getpixel(192 + 50, 108 + 50)[0] * 255) == 140


def test_what_stands_still_is_no_animation(tmp_path: Path) -> None:
    frames = [write(tmp_path / f"{n}.png", 40 * n) for n in range(3)]
    require_motion(frames)
    with pytest.raises(PictureError, match="nothing moves"):
        require_motion([*frames, write(tmp_path / "last.png", 80)])


def test_an_image_that_is_cut_off_does_not_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", 1)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(PictureError, match=r"a\.png does not open"):
        open_image(path)
    with pytest.raises(PictureError):
        open_image(tmp_path / "none.png")
