"""Which names an object may have, in every store alike."""

from lightmill.storage.ports import ObjectNameError

_LONGEST = 1024  # bytes, as S3 has it
_LONGEST_SEGMENT = 255  # bytes, as file systems have it


def checked(key: str) -> str:
    """Return `key` when it is a name that no store reads as a place elsewhere.

    Raises:
        ObjectNameError: it is empty, too long, absolute, or has an empty, `.` or `..` segment,
            a backslash or a control character.
    """
    segments = key.split("/")
    if len(key.encode(errors="replace")) > _LONGEST:
        raise ObjectNameError(f"an object's name has at most {_LONGEST} bytes: {key[:80]!r}...")
    if any(segment in {"", ".", ".."} for segment in segments):
        raise ObjectNameError(f"{key!r} is no object name: write folder/file without . or ..")
    if any(len(segment.encode(errors="replace")) > _LONGEST_SEGMENT for segment in segments):
        raise ObjectNameError(f"a part of {key!r} is longer than {_LONGEST_SEGMENT} bytes")
    if "\\" in key or not key.isprintable():
        raise ObjectNameError(f"{key!r} has a character that no object name has")
    return key
