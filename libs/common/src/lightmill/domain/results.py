"""A rendered frame as it is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """One frame that an attempt has stored under its own prefix.

    Attributes:
        key: Name of the image in the object store.
        blake3: Hash of the image, hex.
        size: Bytes.
        seconds: Render time on the node.
    """

    ordinal: int
    frame: int
    key: str
    thumbnail_key: str | None
    blake3: str
    size: int
    width: int
    height: int
    media_type: str
    seconds: float


def attempt_prefix(tenant_id: str, job_id: str, attempt_id: str) -> str:
    """Return the prefix that an attempt alone may write under."""
    return f"tenants/{tenant_id}/jobs/{job_id}/attempts/{attempt_id}/"
