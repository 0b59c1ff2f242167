"""What clients send to upload in parts, and to say how long things are kept."""

from typing import Annotated

from pydantic import Field

from lightmill.api.core.bodies import Body
from lightmill.domain.storage_class import StorageClass

PartNumber = Annotated[int, Field(ge=1, le=10_000)]


class UploadBody(Body):
    """A file that is about to be sent in parts."""

    blake3: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the whole file, hex")
    size: int = Field(ge=1, le=2**43, description="Bytes")
    path: str = Field(min_length=1, max_length=4096, examples=["textures/wood.exr"])


Days = Annotated[int, Field(ge=1, le=36_500)]


class RetentionBody(Body):
    """After how many days what goes; null: never. In which class it lies; null: the usual."""

    results: Days | None = Field(default=None, description="After the end of their job")
    intermediates: Days | None = Field(default=None, description="Logs and the like")
    workspaces: Days | None = Field(default=7, description="Folders on nodes")
    orphans: Days | None = Field(default=30, description="Uploads that nothing needs any more")
    results_class: StorageClass | None = Field(default=None, description="Of new images")
    intermediates_class: StorageClass | None = Field(default=None, description="Of new logs")


class CollectionBody(Body):
    """Whether to delete, or only to tell what would go."""

    dry_run: bool = True


class PartNumbersBody(Body):
    """Parts that are to be sent next."""

    numbers: list[PartNumber] = Field(min_length=1, max_length=1000, examples=[[1, 2, 3]])
