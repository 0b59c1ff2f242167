"""What the api answers about files, designs, machines and tokens, for its OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import Field

from lightmill.api.handlers.answers import Answer


class HashesChecked(Answer):
    """Which contents are there; `assets` has their ids by hash."""

    to_upload: list[str]
    exists: list[str]
    assets: dict[str, int]


class Uploaded(Answer):
    """Seed 004's answer to an upload; `reason` only where the content was there."""

    uploaded: bool
    reason: str | None = Field(default=None, examples=["file_exists"])
    hash: str = Field(examples=["6e57efc1fb88700dfc4820e160348f07"])
    xxhash: str = Field(examples=["7021565326244519815"])
    blake3: str
    asset_id: int
    size: int


class FileSeen(Answer):
    """A file of the tenant; `hash` is MD5, `xxhash` decimal xxh64."""

    asset_id: int
    name: str
    path: str
    blake3: str
    hash: str
    xxhash: str
    size: int
    owner_id: str
    created_at: datetime


class UploadSeen(Answer):
    """A line of the upload history."""

    id: int
    asset_id: int
    path: str
    uploaded: bool
    owner_id: str
    created_at: datetime


class Entry(Answer):
    """A file in a bundle."""

    path: str
    asset_id: int
    blake3: str
    size: int


class BundleMade(Answer):
    """The id of a new bundle."""

    bundle_id: str


class BundleSeen(BundleMade):
    """A bundle with its files."""

    files: list[Entry]
    file_count: int
    size: int
    owner_id: str
    created_at: datetime


class AnalysisSeen(Answer):
    """How an analysis stands: PENDING, SUCCEEDED with its outcome, FAILED with its error."""

    analysis_id: str
    state: str
    outcome: dict[str, Any] | None
    error: str | None


class HardwareSeen(Answer):
    """A hardware profile: how many nodes meet it, and how many have that much free now."""

    id: int
    name: str
    cores: int
    ram: int
    gpu_count: int
    gpu_model: str
    vram: int
    price: float
    created_at: datetime
    nodes: int
    free_nodes: int


class NodeSeen(Answer):
    """A render machine; `offer` is what it has in all."""

    id: str
    name: str
    state: str
    offer: dict[str, Any]
    wish: str = Field(examples=["RUN", "DRAIN", "DISABLE"])
    quarantined_until: datetime | None
    seen_at: datetime
    updated_at: datetime


class NodeMade(Answer):
    """Who a node is; the token is shown once."""

    node_id: str
    token: str


class BundleFile(Answer):
    """A file of an attempt's bundle, and where to read it."""

    path: str
    blake3: str
    size: int
    url: str


class AttemptBundle(Answer):
    """What an attempt's job needs; null and nothing where it needs no files."""

    bundle_id: str | None
    files: list[BundleFile]


class UploadUrl(Answer):
    """Where to store one file by a PUT with these headers."""

    key: str
    url: str
    headers: dict[str, str] = Field(examples=[{"x-amz-storage-class": "STANDARD_IA"}])


class UploadUrls(Answer):
    """Where to store each of the files asked for."""

    urls: dict[str, UploadUrl]


class TokenMade(Answer):
    """A new token; it is shown once."""

    token_id: str
    token: str = Field(examples=["lm_<id>_<secret>"])


class TokenSeen(Answer):
    """A token without its secret."""

    token_id: str
    user: str | None
    role: str
    node_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
