"""What the api answers about uploads in parts, for its OpenAPI document."""

from pydantic import Field

from lightmill.api.handlers.answers import Answer
from lightmill.api.handlers.stock_answers import Uploaded
from lightmill.domain.storage_class import StorageClass


class UploadStanding(Answer):
    """How an upload in parts stands; `file` once it is complete."""

    state: str = Field(examples=["open", "complete"])
    upload_id: str | None
    part_size: int = Field(description="Bytes of every part but the last")
    part_count: int
    lacking: list[int] = Field(description="Numbers, from 1, of the parts that are to be sent")
    file: Uploaded | None


class PartUrls(Answer):
    """Where to PUT each part, by its number, within an hour."""

    urls: dict[str, str]


class RetentionSeen(Answer):
    """After how many days what goes; null: never. In which class it lies; null: the usual."""

    results: int | None
    intermediates: int | None
    workspaces: int | None
    orphans: int | None
    results_class: StorageClass | None
    intermediates_class: StorageClass | None


class Weight(Answer):
    """Objects, and their bytes."""

    objects: int
    bytes: int


class CollectedSeen(Answer):
    """What went, or would go; `workspaces` counts jobs, whose nodes tell the bytes later."""

    dry_run: bool
    bytes: int
    results: Weight
    intermediates: Weight
    workspaces: Weight
    orphans: Weight
    uploads: Weight
    strays: Weight


class FileVerified(Answer):
    """Whether a file is still what it was."""

    asset_id: int
    intact: bool
    fault: str | None = Field(examples=["lost", "damaged"])
