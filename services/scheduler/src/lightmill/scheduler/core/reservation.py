"""Machines kept for wide tasks, and the short work that may run on them meanwhile.

EASY backfilling (Lifka, 1995): what waits first gets a machine and a time at which it is free;
whatever ends before that may run there.
"""

from dataclasses import dataclass

AFTER_TICKS = 10
"""Beats that a wide task waits while machines that could take it take other work."""

MOST = 8
"""Machines that are kept at once for what asks alike."""


@dataclass(slots=True, eq=False)
class Reservation:
    """A machine that is kept.

    Attributes:
        step_id: The step that it is kept for.
        cores: Processors that are needed there.
        ram: Bytes that are needed there.
        free_at: When that much is free, as far as can be told, in the leader's seconds; infinite
            when it cannot. It comes nearer, and never moves away: what ran there meanwhile
            must not keep the wide task waiting.
    """

    step_id: str
    cores: int
    ram: int
    free_at: float
