"""Messages without a wire: made of checked parts, and so not checked again."""

from typing import TypeVar

from lightmill.messages.message import Message

Kind = TypeVar("Kind", bound=Message)


def made(kind: type[Kind], **parts: object) -> Kind:
    """Return a message of `kind` from all of its fields.

    It does what pydantic's `model_construct` does, without looking for defaults: a simulated
    hour makes hundreds of thousands of them.
    """
    message = kind.__new__(kind)
    object.__setattr__(message, "__dict__", parts)
    object.__setattr__(message, "__pydantic_fields_set__", set(parts))
    object.__setattr__(message, "__pydantic_extra__", None)
    object.__setattr__(message, "__pydantic_private__", None)
    return message
