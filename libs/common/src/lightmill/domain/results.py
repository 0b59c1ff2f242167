"""A rendered frame as it is kept."""

from dataclasses import dataclass

LOG_NAME = "log.txt"
"""Under an attempt's prefix: the engine's output. Everything else there is an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """One frame that an attempt has done, and stored under its own prefix.

    Attributes:
        key: Name of the image in the object store; None: the frame was to leave no file.
        blake3: Hash of the image, hex.
        size: Bytes.
        seconds: Render time on the node.
        peak_ram: Most bytes of RAM that the engine has held until the frame's end; None where
            nobody looked.
        samples: Samples a pixel that the engine took; None where it does not say.
        engine: Name and version of what rendered it, such as `blender 4.5.15 LTS`.
    """

    ordinal: int
    frame: int
    key: str | None
    thumbnail_key: str | None
    blake3: str
    size: int
    width: int
    height: int
    media_type: str
    seconds: float
    peak_ram: int | None = None
    samples: int | None = None
    engine: str | None = None


def attempt_prefix(tenant_id: str, job_id: str, attempt_id: str) -> str:
    """Return the prefix that an attempt alone may write under."""
    return f"tenants/{tenant_id}/jobs/{job_id}/attempts/{attempt_id}/"
