"""How a message that cannot be handled travels to the dead letters."""

from lightmill.broker.ports import Delivery, Outgoing
from lightmill.messages.topology import DEAD


def buried(delivery: Delivery, queue: str, reason: str) -> Outgoing:
    """Return `delivery` as a dead letter: key, kind and body as they came, and why it is dead."""
    return Outgoing(
        exchange=DEAD,
        key=delivery.key,
        kind=delivery.kind,
        body=delivery.body,
        headers={**delivery.headers, "reason": reason, "queue": queue},
    )
