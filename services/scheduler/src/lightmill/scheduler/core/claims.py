"""What a node may claim that it has stored."""

import math
import re

from lightmill.domain.results import FrameResult

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_HASH = re.compile(r"[0-9a-f]{0,64}")
_MEDIA_TYPE = re.compile(r"[!-~]{0,32}")
_LONGEST_KEY = 512
_MOST_PIXELS = 2**31  # in a row or a column
_MOST_BYTES = 2**63


def is_plausible(result: FrameResult, prefix: str) -> bool:
    """Tell whether `result` lies under `prefix`, and its figures are such as a row can hold.

    One that is not would be refused by the database, turn after turn, or lead to a file that
    the attempt has no right to.
    """
    return (
        _lies_under(result.key, prefix)
        and (result.thumbnail_key is None or _lies_under(result.thumbnail_key, prefix))
        and _HASH.fullmatch(result.blake3) is not None
        and _MEDIA_TYPE.fullmatch(result.media_type) is not None
        and 0 <= result.size < _MOST_BYTES
        and 0 <= result.width < _MOST_PIXELS
        and 0 <= result.height < _MOST_PIXELS
        and math.isfinite(result.seconds)
    )


def _lies_under(key: str, prefix: str) -> bool:
    name = key.removeprefix(prefix)
    return name != key and len(key) <= _LONGEST_KEY and _NAME.fullmatch(name) is not None
