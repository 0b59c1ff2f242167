"""What has an owner and can be shared: designs, and the materials and textures in them."""

from enum import StrEnum
from pathlib import PurePosixPath

from lightmill.api.core.design_bodies import ShadingBody
from lightmill.api.core.problem import invalid

EVERYBODY = "*"
"""Stands for every user of the tenant where somebody is shared with."""

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".exr", ".hdr", ".tif", ".tiff", ".webp", ".tga", ".bmp"}
)
"""What a texture may be, by suffix."""


class Component(StrEnum):
    """A kind of thing that somebody owns, as paths of the API spell it."""

    DESIGN = "designs"
    MATERIAL = "materials"
    TEXTURE = "textures"

    @property
    def noun(self) -> str:
        """Return the word for one of them."""
        return self.value.removesuffix("s")


def picture_suffix(path: str) -> str:
    """Return the suffix of a picture.

    Raises:
        ProblemError: nobody reads such pictures.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in PICTURES:
        known = ", ".join(sorted(PICTURES))
        raise invalid("file/path", f"{suffix or 'no suffix'} is no picture; use {known}")
    return suffix


def shading(body: ShadingBody) -> dict[str, object]:
    """Return the numbers that a material gives, without its names and textures."""
    plain = ShadingBody.model_fields.keys() - {"textures"}
    return body.model_dump(include=set(plain), exclude_none=True)
