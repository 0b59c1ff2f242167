"""Render machines with one fault each, of the kinds that real farms have had."""

from typing_extensions import override

from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import NodeReport, Outcome
from lightmill.messages.orders import Orders
from lightmill.scheduler.simulation.machine_room import Held, MachineRoom
from lightmill.scheduler.simulation.node import SimulatedNode


class TellsOnce(SimulatedNode):
    """Forgets a finish once it has been reported, settled or not (OpenCue 2473)."""

    @override
    def reported(self, report: NodeReport) -> None:
        self.room.finishes.clear()


class DeliversHalf(SimulatedNode):
    """Counts a frame as delivered while its file is still being written."""

    @override
    def uploading(self, held: Held, position: int, key: str) -> None:
        self.deliver(held, position, key)
        self.report()

    @override
    def deliver(self, held: Held, position: int, key: str) -> None:
        if key not in {result.key for result in held.delivered}:
            super().deliver(held, position, key)


class NoJournal(MachineRoom):
    """Loses its finishes in a crash."""

    @override
    def restart(self) -> None:
        super().restart()
        self.finishes.clear()


class DeadEngines(MachineRoom):
    """Goes on listing what it held before a crash, though no engine runs (OpenCue 1533)."""

    @override
    def restart(self) -> None:
        held = dict(self.held)
        super().restart()
        self.held.update(held)


class ForgetsEnds(MachineRoom):
    """Takes a settled attempt for a new one when its order comes again."""

    @override
    def settle(self, settled: AttemptsSettled) -> list[str]:
        names = super().settle(settled)
        self.over.clear()
        return names


class ForgetsCancels(ForgetsEnds):
    """Forgets what it was told to cancel, too."""

    @override
    def stop(self, name: str, outcome: Outcome) -> Held | None:
        held = super().stop(name, outcome)
        self.refused.discard(name)
        return held


class ObeysAnyone(MachineRoom):
    """Follows the orders of leaders that were deposed."""

    @override
    def outdated(self, orders: Orders) -> bool:
        return False


class Overfills(MachineRoom):
    """Starts whatever it is given, at once."""

    @override
    def startable(self) -> list[Held]:
        return [held for held in self.held.values() if held.began is None]
