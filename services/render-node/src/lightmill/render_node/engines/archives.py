"""Lets what a task has written be delivered like an image, as a ZIP archive."""

import zipfile
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.ports import CheckedImage, Images, RenderFailedError

_SUFFIX = ".zip"


class ImagesAndArchives:
    """Looks into archives itself, and leaves images to those who know them; see `ports.Images`."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        """Return what an image is, or that an archive is whole; its listing stands at its end.

        What is inside is not unpacked: whoever wrote it decides how large that is.
        """
        if path.suffix != _SUFFIX:
            return self._images.check(path, width, height)
        try:
            with zipfile.ZipFile(path) as archive:
                archive.infolist()
        except (OSError, zipfile.BadZipFile) as error:
            detail = f"{path.name} is no archive: {error}"
            raise RenderFailedError(FailureKind.OUTPUT, detail) from error
        return CheckedImage(width=0, height=0, media_type="application/zip")

    def embed(self, path: Path, text: str) -> bool:
        """Write a text into an image's metadata; an archive has no room for it."""
        return path.suffix != _SUFFIX and self._images.embed(path, text)

    def thumbnail(self, path: Path, target: Path) -> None:
        """Write a small JPEG of an image; an archive has none."""
        if path.suffix == _SUFFIX:
            raise RenderFailedError(FailureKind.OUTPUT, "an archive has no thumbnail")
        self._images.thumbnail(path, target)
