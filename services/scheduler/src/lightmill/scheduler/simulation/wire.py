"""Messages without a wire: made of checked parts, and so not checked again."""

from functools import cache
from typing import Any, TypeVar

from lightmill.messages.message import Message

Kind = TypeVar("Kind", bound=Message)


def made(kind: type[Kind], **parts: object) -> Kind:
    """Return a message of `kind`; what is not named has its default.

    It does what pydantic's `model_construct` does, at a fraction of the cost: a simulated hour
    makes hundreds of thousands of them.
    """
    message = kind.__new__(kind)
    object.__setattr__(message, "__dict__", _defaults(kind) | parts)
    object.__setattr__(message, "__pydantic_fields_set__", set(parts))
    object.__setattr__(message, "__pydantic_extra__", None)
    object.__setattr__(message, "__pydantic_private__", None)
    return message


@cache
def _defaults(kind: type[Message]) -> dict[str, Any]:
    fields = kind.model_fields.items()
    return {name: field.get_default() for name, field in fields if not field.is_required()}
