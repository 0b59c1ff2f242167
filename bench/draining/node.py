"""One simulated render node: the protocol's half of it, without a journal and without an engine.

It is written for speed, since it shares the machine with what is measured: bodies are read and
written as plain JSON. The classes of `lightmill.messages` check the first of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from draining.shape import CORES, ENGINE, RAM
from pydantic_core import from_json, to_json

from lightmill.domain.results import attempt_prefix
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.orders import Orders
from lightmill.render_node.core.answers import Answers
from lightmill.render_node.use_cases.keep_session import gather


@dataclass(slots=True)
class SimulatedNode:
    """What a node knows, and a ledger of what it has seen.

    Attributes:
        finishes: Whether it ends at once whatever it is ordered to do; else it holds it.
        applied: Frames whose results the leader has made results.
        ended: Attempts that delivered them.
        changed: Whether an end has come that no report has told.
        told: Ends that the last report has told, as far as they are not settled.
        answers: How long the leader takes to settle them.
        heard: Messages of the leader's that have come.
        reported: When, by the process's clock.
        gather: Seconds from that report to the next at the least.
        patience: Seconds from it for which the next waits for the answer to its ends.
        wrong: What the leader did that it may not do, in words.
    """

    id: str
    session: str
    tag: str
    finishes: bool = False
    applied: int = 0
    ended: int = 0
    refused: int = 0
    sequence: int = 0
    epoch: int = 0
    changed: bool = False
    reported: float = 0.0
    gather: float = 0.0
    patience: float = 0.0
    heard: int = 0
    known: set[str] = field(default_factory=set)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsettled: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    answers: Answers = field(default_factory=Answers)
    wrong: list[str] = field(default_factory=list)

    def hear(self, kind: str, body: bytes, now: float) -> None:
        """Take in a message of the leader's."""
        self.heard += 1
        message = from_json(body)
        if kind == AttemptsSettled.routing_key:
            self._settle(message, now)
        elif kind == Orders.routing_key and message["epoch"] >= self.epoch:
            if message["settled"]:
                self._settle(message["settled"], now)
            self._obey(message)
        else:
            self.wrong.append(f"a message {kind} of an older epoch, or of no known kind")

    def finish(self) -> None:
        """End everything that is held: every frame is delivered."""
        for attempt_id, order in self.held.items():
            self.unsettled[attempt_id] = _finish(order), len(order["frames"])
        self.changed = self.changed or bool(self.held)
        self.held.clear()

    def may_report(self, now: float) -> bool:
        """Tell whether there is something to report before the next beat, and it is time.

        A node says of its own accord what has ended; what waits on it, with the next beat.
        """
        return self.changed and now >= self.reported + self.gather and self._is_answered(now)

    def report(self, now: float) -> bytes:
        """Return the next report, as it travels."""
        self.sequence += 1
        self.changed = False
        self.told = set(self.unsettled)
        self.answers.tell(self.told, now)
        self.reported = now
        self.gather = gather(len(self.held) + len(self.unsettled))
        self.patience = self.gather + self.answers.patience(now + self.gather)
        held = [{"attempt_id": attempt_id, "state": "QUEUED"} for attempt_id in self.held]
        head = {
            "node_id": self.id,
            "name": self.id,
            "session": self.session,
            "sequence": self.sequence,
            "offer": offer(self.tag),
            "held": held,
        }
        finishes = (finish for finish, _ in self.unsettled.values())
        return to_json(head)[:-1] + b',"finishes":[' + b",".join(finishes) + b"]}"

    def _obey(self, orders: Mapping[str, Any]) -> None:
        self.epoch = orders["epoch"]
        if orders["cancel"]:
            self.wrong.append("a cancellation that nobody asked for")
        for order in orders["assign"]:
            attempt_id = order["attempt_id"]
            if attempt_id in self.known:
                continue  # an order may come twice
            self.known.add(attempt_id)
            self.held[attempt_id] = order
        self._weigh()
        for attempt_id in orders["recall"]:
            if attempt_id in self.held:
                self.unsettled[attempt_id] = _recalled(self.held.pop(attempt_id)), 0
                self.changed = True
        if self.finishes:
            self.finish()

    def _weigh(self) -> None:
        """Note when more is ordered than fits, beside what may wait on it.

        That is one order, and as much again as fits where every task ends at once.
        """
        placed, times = list(self.held.values()), 2
        if not self.finishes:
            placed, times = placed[:-1], 1
        cores = sum(order["cores"] for order in placed)
        ram = sum(order["ram"] for order in placed)
        if cores > times * CORES or ram > times * RAM:
            self.wrong.append(f"{len(self.held)} orders at once on {CORES} cores")

    def _is_answered(self, now: float) -> bool:
        return not self.told or now >= self.reported + self.patience

    def _settle(self, message: Mapping[str, Any], now: float) -> None:
        for settled in message["attempts"]:
            self.told.discard(settled["attempt_id"])
            finish = self.unsettled.pop(settled["attempt_id"], None)
            if finish is None:
                continue  # the settlement of a finish that was repeated
            frames = finish[1] if settled["applied"] else 0
            self.applied += frames
            self.ended += frames > 0
            self.refused += not settled["applied"]
        if not self.told:
            self.answers.come(now)


def offer(tag: str) -> dict[str, Any]:
    """Return what a node has."""
    return {"cores": CORES, "ram": RAM, "engines": {ENGINE: ["1.0"]}, "tags": [tag]}


_DIGEST = "0" * 64
_SECONDS = 0.001  # they end at once


def _recalled(order: Mapping[str, Any]) -> bytes:
    return to_json({"attempt_id": order["attempt_id"], "outcome": "RECALLED"})


def _finish(order: Mapping[str, Any]) -> bytes:
    """Return a finish as it travels; it is repeated until it is settled, and made once."""
    attempt_id = order["attempt_id"]
    prefix = attempt_prefix(order["tenant_id"], order["job_id"], attempt_id)
    return to_json(
        {
            "attempt_id": attempt_id,
            "outcome": "SUCCEEDED",
            "seconds": _SECONDS,
            "delivered": [
                {
                    "ordinal": frame["ordinal"],
                    "frame": frame["frame"],
                    "key": f"{prefix}{frame['frame']:04}.png",
                    "thumbnail_key": None,
                    "blake3": _DIGEST,
                    "size": 1000,
                    "width": 1920,
                    "height": 1080,
                    "media_type": "image/png",
                    "seconds": _SECONDS,
                }
                for frame in order["frames"]
            ],
        }
    )
