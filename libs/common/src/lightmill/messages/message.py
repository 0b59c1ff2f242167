"""What every message has in common."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Root of every message: frozen; unknown fields are dropped, so a newer sender is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    exchange: ClassVar[str]
    routing_key: ClassVar[str]
    """Kind and version of the message; also its type on the wire."""

    def body(self) -> bytes:
        """Return the message as it travels: compact JSON."""
        return self.model_dump_json().encode()
