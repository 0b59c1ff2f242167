"""Faults, drawn from the seed, for as long as the storm lasts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lightmill.domain.failures import FailureKind
from lightmill.messages.topology import reports_queue, session_key
from lightmill.scheduler.simulation.broker import INBOX, Broker, Conditions
from lightmill.scheduler.simulation.candidate import Candidate
from lightmill.scheduler.simulation.database import Database
from lightmill.scheduler.simulation.kernel import Kernel
from lightmill.scheduler.simulation.ledger import Fate
from lightmill.scheduler.simulation.node import Rendering, SimulatedNode
from lightmill.scheduler.simulation.scenario import Faults

_FAST = (0.001, 0.004)
_KINDS = (FailureKind.ENGINE, FailureKind.ENGINE, FailureKind.OUTPUT, FailureKind.LICENCE)


@dataclass(kw_only=True)
class Land:
    """What the weather strikes."""

    kernel: Kernel
    broker: Broker
    database: Database
    rendering: Rendering
    candidates: Sequence[Candidate]
    nodes: Sequence[SimulatedNode]


class Weather:
    """Happens to everything at once, and ends."""

    def __init__(self, kernel: Kernel, faults: Faults) -> None:
        self.kernel = kernel
        self.faults = faults
        self.storms = False
        self.slow_until = 0.0
        self.struck = 0

    def begin(self, land: Land, seconds: float) -> None:
        """Let it storm for a while."""
        self.storms = True
        faults = self.faults
        land.rendering.failing = faults.frame_failed
        land.rendering.kinds = _KINDS
        land.broker.conditions = Conditions(latency=_FAST, duplicate=faults.duplicate)
        if self.kernel.chance(faults.slow_kill):
            land.rendering.kill = (2.0, 9.0)
        strikes: dict[str, Callable[[Land], None]] = {
            "leader_crash": self._leader_crash,
            "leader_freeze": self._leader_freeze,
            "leader_link": self._leader_link,
            "node_crash": self._node_crash,
            "node_freeze": self._node_freeze,
            "node_cut": self._node_cut,
            "node_clock": self._node_clock,
            "purge_inbox": self._purge_inbox,
            "purge_reports": self._purge_reports,
            "purge_session": self._purge_session,
            "broker_slow": self._broker_slow,
            "database_slow": self._database_slow,
        }
        for name, strike in strikes.items():
            self._expect(getattr(faults, name), partial(strike, land))
        self.kernel.later(seconds, self._end, land)

    def latency(self) -> float:
        """Return how long the next answer of the database takes."""
        slow = self.kernel.seconds < self.slow_until
        return self.kernel.draw((0.5, 3.0) if slow else (0.004, 0.03))

    def fate(self) -> Fate:
        """Decide about the next commit."""
        if self.storms and self.kernel.chance(self.faults.commit_failed):
            return Fate.FAILED
        if self.storms and self.kernel.chance(self.faults.commit_unknown):
            return Fate.UNKNOWN
        return Fate.DONE

    def loses_doorbell(self) -> bool:
        """Tell whether the next doorbell is lost."""
        return self.storms and self.kernel.chance(self.faults.doorbell_lost)

    def _expect(self, rate: float, strike: Callable[[], None]) -> None:
        if rate > 0:
            wait = self.kernel.random.expovariate(rate / 60)
            self.kernel.later(wait, self._strike, rate, strike)

    def _strike(self, rate: float, strike: Callable[[], None]) -> None:
        if self.storms:
            self.struck += 1
            strike()
            self._expect(rate, strike)

    def _end(self, land: Land) -> None:
        self.storms = False
        land.rendering.failing = 0.0
        land.rendering.kill = (0.02, 0.1)
        land.broker.conditions = Conditions(latency=_FAST)

    def _leader(self, land: Land) -> Candidate:
        leading = [one for one in land.candidates if one.term is not None]
        return self.kernel.random.choice(leading or list(land.candidates))

    def _node(self, land: Land) -> SimulatedNode:
        return self.kernel.random.choice(land.nodes)

    def _leader_crash(self, land: Land) -> None:
        self._leader(land).crash(self.kernel.draw((0.5, 8.0)))

    def _leader_freeze(self, land: Land) -> None:
        self._leader(land).freeze(self.kernel.draw((1.0, 20.0)))

    def _leader_link(self, land: Land) -> None:
        link = self._leader(land).link
        if link is not None:
            land.broker.close(link)

    def _node_crash(self, land: Land) -> None:
        self._node(land).crash(self.kernel.draw((0.2, 12.0)))

    def _node_freeze(self, land: Land) -> None:
        self._node(land).freeze(self.kernel.draw((1.0, 25.0)))

    def _node_cut(self, land: Land) -> None:
        self._node(land).cut(self.kernel.draw((1.0, 25.0)))

    def _node_clock(self, land: Land) -> None:
        self._node(land).skew -= self.kernel.draw((0.0, 300.0))

    def _purge_inbox(self, land: Land) -> None:
        land.broker.purge(INBOX)

    def _purge_reports(self, land: Land) -> None:
        land.broker.purge(reports_queue(land.database.rows.epoch).name)

    def _purge_session(self, land: Land) -> None:
        node = self._node(land)
        land.broker.purge(session_key(node.name, node.session))

    def _broker_slow(self, land: Land) -> None:
        conditions = land.broker.conditions
        conditions.latency = (0.2, self.kernel.draw((0.5, 5.0)))
        self.kernel.later(self.kernel.draw((2.0, 8.0)), self._broker_well, land, conditions)

    def _broker_well(self, land: Land, conditions: Conditions) -> None:
        if land.broker.conditions is conditions:
            conditions.latency = _FAST

    def _database_slow(self, _: Land) -> None:
        self.slow_until = self.kernel.seconds + self.kernel.draw((2.0, 8.0))
