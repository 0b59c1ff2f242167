"""What tasks ask of a machine, as the planner weighs it: steps that ask alike are one demand."""

from dataclasses import dataclass, field

from lightmill.domain.resources import Needs, obstacle
from lightmill.scheduler.core.ask import Ask, ask_of
from lightmill.scheduler.core.machine import Kind


class Asks(dict[Kind, Ask]):
    """What one task with these needs asks of machines, by their kind; reckoned once for each."""

    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self._needs = needs

    def __missing__(self, kind: Kind) -> Ask:
        ask = self[kind] = ask_of(self._needs, kind.offer)
        return ask


@dataclass(slots=True, eq=False, weakref_slot=True)
class Demand:
    """Needs of tasks of one engine, compared by identity.

    Attributes:
        least_ram: Bytes that the whole machine has to have: what ran out of memory asks for more.
        kinds: Machines that could meet it, were they free.
        served_at: Tick at which a task that asks this was last handed out.
        asks: What one task asks of each kind.
        whole: Whether it shares the machine with nobody.
    """

    needs: Needs
    engine: str
    least_ram: int = 0
    kinds: list[Kind] = field(default_factory=list)
    served_at: int = 0
    asks: Asks = field(init=False)
    whole: bool = field(init=False)

    def __post_init__(self) -> None:
        self.asks = Asks(self.needs)
        self.whole = self.needs.whole_machine

    def obstacle(self, kind: Kind) -> str | None:
        """Return the first need that machines of `kind` could never meet, or None."""
        if self.least_ram > kind.offer.ram:
            return f"{self.least_ram} bytes of RAM"
        return obstacle(self.needs, self.engine, kind.offer)

    def drop(self, kind: Kind) -> None:
        """Forget a kind of which there is no machine any more."""
        self.asks.pop(kind, None)
        if kind in self.kinds:
            self.kinds.remove(kind)

    def cores(self, kind: Kind) -> int:
        """Return the processors of one task on a machine of `kind`."""
        return self.asks[kind].cores

    def ram(self, kind: Kind) -> int:
        """Return the bytes of one task there: of what it did not state, a fair share."""
        return self.asks[kind].ram
