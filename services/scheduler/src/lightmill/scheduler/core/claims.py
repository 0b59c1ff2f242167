"""What a node may claim of itself and of what it has stored."""

import re
from functools import lru_cache

from lightmill.domain.results import FrameResult
from lightmill.messages.node_report import NodeReport

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_HASH = re.compile(r"[0-9a-f]{0,64}")
_MEDIA_TYPE = re.compile(r"[!-~]{0,32}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,36}")
_LONGEST_KEY = 512
_LONGEST_NAME = 255
_MOST_CORES = 2**31
_MOST_PIXELS = 2**31  # in a row or a column
_MOST_BYTES = 2**63
_MOST_SAMPLES = 2**31
_ENGINE = re.compile(r"[ -~]{1,32}")
_LONGEST = 10 * 365 * 86400.0
"""Seconds of a frame: more cannot be, and squares of it would add up to what is no number."""


def is_plausible(result: FrameResult, prefix: str) -> bool:
    """Tell whether `result` lies under `prefix`, and its figures are such as a row can hold.

    One that is not would be refused by the database, turn after turn, or lead to a file that
    the attempt has no right to.
    """
    return (
        (result.key is None or _lies_under(result.key, prefix))
        and (result.thumbnail_key is None or _lies_under(result.thumbnail_key, prefix))
        and _HASH.fullmatch(result.blake3) is not None
        and _is_media_type(result.media_type)
        and 0 <= result.size < _MOST_BYTES
        and 0 <= result.width < _MOST_PIXELS
        and 0 <= result.height < _MOST_PIXELS
        and -_LONGEST < result.seconds < _LONGEST
        and (result.peak_ram is None or 0 <= result.peak_ram < _MOST_BYTES)
        and (result.samples is None or 0 <= result.samples < _MOST_SAMPLES)
        and (not result.engine or _is_engine(result.engine))
    )


@lru_cache(maxsize=64)
def _is_media_type(text: str) -> bool:
    return _MEDIA_TYPE.fullmatch(text) is not None


@lru_cache(maxsize=64)
def _is_engine(text: str) -> bool:
    return _ENGINE.fullmatch(text) is not None


def fault_of(report: NodeReport) -> str | None:
    """Return what in `report` no row could hold or no lease be reckoned from, or None."""
    offer = report.offer
    sound = {
        "node_id": _IDENTIFIER.fullmatch(report.node_id) is not None,
        "session": _IDENTIFIER.fullmatch(report.session) is not None,
        "name": len(report.name) <= _LONGEST_NAME,
        "cores": 0 <= offer.cores < _MOST_CORES,
        "ram": 0 <= offer.ram < _MOST_BYTES,
        "held": len({held.attempt_id for held in report.held}) == len(report.held),
        "progress": all(0 <= held.progress <= 1 for held in report.held),
        "running_seconds": all(0 <= held.running_seconds < _LONGEST for held in report.held),
    }
    return next((name for name, holds in sound.items() if not holds), None)


def _lies_under(key: str, prefix: str) -> bool:
    start = len(prefix)
    return (
        len(key) <= _LONGEST_KEY
        and key.startswith(prefix)
        and _NAME.fullmatch(key, start) is not None
    )
