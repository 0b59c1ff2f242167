"""What an invented node says of a frame that it has stored."""

from lightmill.domain.results import FrameResult
from lightmill.messages.orders import Frame


def invented_result(frame: Frame, key: str, seconds: float) -> FrameResult:
    """Return the result of a frame that took `seconds` and lies under `key`: a single pixel."""
    return FrameResult(
        ordinal=frame.ordinal,
        frame=frame.frame,
        key=key,
        thumbnail_key=None,
        blake3="",
        size=1,
        width=1,
        height=1,
        media_type="image/png",
        seconds=seconds,
    )
