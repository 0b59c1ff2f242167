"""Makes a film of images, by ffmpeg, which gets their pixels and never the files."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np
import OpenImageIO as oiio  # noqa: N813  # its own documentation's name for it

from lightmill.render_node.engines.assembly_inside.poster import attach
from lightmill.render_node.engines.assembly_inside.reading import (
    AssemblyError,
    shown,
    shown_small,
    write,
)
from lightmill.render_node.engines.pixels import Pixels, eight_bits

_WIDEST = 3840
_QUALITY = "18"
"""x264's scale: seen as lossless by most."""
_POSTER_SIDE = 512
_POSTER_QUALITY = "jpeg:90"


def write_film(
    images: Sequence[Path],
    target: Path,
    *,
    fps: int,
    ffmpeg: str,
    threads: int,
    on_progress: Callable[[float], None],
) -> None:
    """Write an H.264 film of the images that any browser plays.

    Its sides are even, as the format asks: the last column or row is repeated where need be. What
    is wider than 3840 pixels is made that wide. The middle image stands for it, as its poster.

    Raises:
        AssemblyError: an image is damaged or of another size than the first, or ffmpeg failed.
    """
    first = shown(images[0])
    with subprocess.Popen(  # noqa: S603  # our own command line
        _command(ffmpeg, _even(first), target, fps, threads), stdin=subprocess.PIPE
    ) as process:
        pipe = cast("IO[bytes]", process.stdin)
        try:
            for place, path in enumerate(images):
                pixels = first if place == 0 else shown(path)
                if pixels.shape != first.shape:
                    raise AssemblyError(f"{path.name} is not as large as {images[0].name}")
                pipe.write(eight_bits(_even(pixels)).tobytes())
                on_progress((place + 1) / len(images))
        except BrokenPipeError:
            pass  # its exit code tells
    if process.returncode:
        raise AssemblyError(f"ffmpeg ended with {process.returncode}; see the log")
    attach(target, _small(images[len(images) // 2], target.with_suffix(".jpg")))


def _small(image: Path, written: Path) -> bytes:
    """Return the image as a JPEG of few pixels; `written` is where it is made."""
    pixels = eight_bits(shown_small(image, _POSTER_SIDE))
    height, width, _ = pixels.shape
    spec = oiio.ImageSpec(width, height, 3, "uint8")
    spec.attribute("Compression", _POSTER_QUALITY)
    write(written, pixels, spec)
    jpeg = written.read_bytes()
    written.unlink()
    return jpeg


def _even(pixels: Pixels) -> Pixels:
    height, width, _ = pixels.shape
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _command(ffmpeg: str, like: Pixels, target: Path, fps: int, threads: int) -> list[str]:
    height, width, _ = like.shape
    wide = min(_WIDEST, width)
    high = height if wide == width else 2 * round(height * wide / width / 2)
    # The matrix that players take for granted at any size, said in the stream as well.
    scale = f"scale={wide}:{high}:out_color_matrix=bt709:out_range=tv"
    return [
        *(ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps)),
        *("-i", "pipe:0", "-an", "-vf", scale, "-threads", str(threads)),
        *("-c:v", "libx264", "-crf", _QUALITY, "-pix_fmt", "yuv420p"),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "iec61966-2-1"),
        *("-color_range", "tv", "-movflags", "+faststart", str(target)),
    ]
