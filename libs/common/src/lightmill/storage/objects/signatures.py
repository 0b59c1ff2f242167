"""Signatures that let the bearer of a URL do one thing to one object for a while."""

import hashlib
import hmac


def sign(secret: bytes, method: str, key: str, expires: int) -> str:
    """Return the signature, hex, for `method` on `key` until `expires` (seconds of the epoch)."""
    text = f"{method}\n{expires}\n{key}"  # the key last: it alone may hold anything
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def holds(secret: bytes, method: str, key: str, expires: int, signature: str) -> bool:
    """Tell, in constant time, whether `signature` is the one made for exactly this."""
    wanted = sign(secret, method, key, expires)
    return hmac.compare_digest(wanted.encode(), signature.encode(errors="replace"))


def part_method(upload_id: str, number: int) -> str:
    """Return what a signature for one part of an upload is signed for, in place of a method."""
    return f"PART {upload_id} {number}"
