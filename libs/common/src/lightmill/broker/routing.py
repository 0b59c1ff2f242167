"""How an exchange chooses among bindings, as RabbitMQ does it."""

from lightmill.messages.topology import ExchangeKind


def takes(kind: ExchangeKind, pattern: str, key: str) -> bool:
    """Tell whether a binding under `pattern` takes a message sent under `key`."""
    if kind is ExchangeKind.FANOUT:
        return True
    if kind is ExchangeKind.DIRECT:
        return pattern == key
    return _topic(pattern.split("."), key.split("."))


def _topic(pattern: list[str], words: list[str]) -> bool:
    """Match word by word: `*` stands for one word, `#` for any number of them."""
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(_topic(rest, words[taken:]) for taken in range(len(words) + 1))
    return bool(words) and first in {"*", words[0]} and _topic(rest, words[1:])
