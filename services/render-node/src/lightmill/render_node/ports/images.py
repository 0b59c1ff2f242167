"""What the node needs to know of image files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedImage:
    """An image that has been opened and read to its end."""

    width: int
    height: int
    media_type: str


class Images(Protocol):
    """Looks into image files. Blocking; called from threads."""

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        """Return the size and type of the image, having read all of it.

        Args:
            path: The file.
            width: What it has to be in pixels, or None when any will do.
            height: Likewise.

        Raises:
            RenderFailedError: of kind OUTPUT: missing, truncated, or of the wrong size.
        """
        ...

    def embed(self, path: Path, text: str) -> bool:
        """Write a text into the image's metadata; tells whether its format has room for it.

        Not a byte of the pixels changes. `text` is ASCII.
        """
        ...

    def thumbnail(self, path: Path, target: Path) -> None:
        """Write a small JPEG of the image to `target`.

        Raises:
            RenderFailedError: of kind OUTPUT: the image cannot be read.
        """
        ...
