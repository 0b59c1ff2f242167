"""How deep a JSON text nests, found without building it."""

import re

DEEPEST = 32
# Possessive, and content with an open end, so that a hostile text costs no more than its length.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def nests_deeper(text: bytes, deepest: int = DEEPEST) -> bool:
    """Tell whether `text` opens more than `deepest` lists and objects inside each other."""
    depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth > deepest:
                    return True
            case b"]" | b"}":
                depth -= 1
            case _:
                pass
    return False
