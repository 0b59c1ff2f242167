"""What can be chosen of a local farm."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PORT = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """One farm in one process.

    Attributes:
        data: Folder for everything that the farm keeps.
        nodes: Render nodes.
        cores: Processors of each node; None shares the machine's out evenly.
        port: Of the api on 127.0.0.1; 0 takes a free one.
        simulated: Whether the engine that renders nothing may be asked for.
        node: Further settings of each node, by their names, such as `node_openjd`.
        drain_seconds: How long running frames may go on when the farm stops.
    """

    data: Path
    nodes: int = 2
    cores: int | None = None
    port: int = DEFAULT_PORT
    simulated: bool = False
    drain_seconds: float = 10.0
    ram: int | None = None
    node: Mapping[str, object] = field(default_factory=dict)
    machine_cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    @property
    def node_cores(self) -> int:
        """Processors of each node."""
        return self.cores or max(1, self.machine_cores // max(1, self.nodes))
