"""The machine around a node, and who may take it away."""

from typing import Protocol

from lightmill.render_node.core.hindrances import Conditions


class Surroundings(Protocol):
    """What is to be known of the machine while the node runs."""

    def look(self) -> Conditions:
        """Return what it is like just now. Blocking; called from threads."""
        ...

    def tell(self, hindrances: tuple[str, ...]) -> None:
        """Leave word on the machine why the node takes no work. Blocking likewise."""
        ...


class Notices(Protocol):
    """Who takes a machine away and says so before: a cloud with its spot machines."""

    async def __call__(self) -> float | None:
        """Return in how many seconds the machine goes, or None: nobody has said that it does."""
        ...
