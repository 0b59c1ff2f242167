"""The JSON Schema of every message, on disk, so that a change of the wire shows in review.

`make schemas` writes the files; a test fails while one differs from its class. A change that an
older reader would not survive needs a new version in the routing key, and so a new file.
"""

import json
from pathlib import Path
from typing import Any

from lightmill.messages.catalogue import MESSAGES
from lightmill.messages.message import Message

_PROSE = {"title", "description"}
_MAPS = {"properties", "$defs"}

FOLDER = Path(__file__).with_name("schemas")


def path(message: type[Message]) -> Path:
    """Return where the schema of `message` lies."""
    return FOLDER / f"{message.routing_key}.json"


def text(message: type[Message]) -> str:
    """Return the schema of `message` as it has to lie on disk."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": message.routing_key,
        "x-exchange": message.exchange,
        **_shape(message.model_json_schema(), names=False),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _shape(schema: dict[str, Any], *, names: bool) -> dict[str, Any]:
    """Return `schema` without titles and prose, which may change without the wire changing.

    Args:
        schema: A schema, or a map of names to schemas.
        names: Whether it is such a map, so that a field called `title` stays.
    """
    kept = schema.items() if names else [kv for kv in schema.items() if kv[0] not in _PROSE]
    return {
        key: _shape(value, names=key in _MAPS and not names) if isinstance(value, dict) else value
        for key, value in kept
    }


def write() -> None:
    """Write every schema, and delete the files of messages that are no more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = {path(message): text(message) for message in MESSAGES}
    for stale in set(FOLDER.glob("*.json")) - set(wanted):
        stale.unlink()
    for file, schema in wanted.items():
        file.write_text(schema)


if __name__ == "__main__":
    write()
