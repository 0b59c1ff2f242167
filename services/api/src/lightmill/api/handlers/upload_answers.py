"""What the api answers about uploads in parts, for its OpenAPI document."""

from pydantic import Field

from lightmill.api.handlers.answers import Answer
from lightmill.api.handlers.stock_answers import Uploaded


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


class FileVerified(Answer):
    """Whether a file is still what it was."""

    asset_id: int
    intact: bool
    fault: str | None = Field(examples=["lost", "damaged"])
