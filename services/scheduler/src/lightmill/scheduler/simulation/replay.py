"""A logged night again: the same facts to the same core, turn by turn."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pydantic_core
from pydantic import TypeAdapter

from lightmill.domain.policy import Share
from lightmill.scheduler.core import facts
from lightmill.scheduler.core.changes import Changes
from lightmill.scheduler.core.facts import Fact
from lightmill.scheduler.core.farm import Farm
from lightmill.scheduler.use_cases.decide import Turn

_KINDS: dict[str, TypeAdapter[Fact]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        facts.JobAsked,
        facts.NodeReported,
        facts.BeatPassed,
        facts.OrderReturned,
        facts.PolicyChanged,
        facts.NodeAsked,
    )
}
_TURN = TypeAdapter(Turn)
_SHARE = TypeAdapter(Share)


class UnreadableLogError(ValueError):
    """A line that no leader has written."""


@dataclass(slots=True)
class Replayed:
    """What came of it.

    Attributes:
        differing: Turns that handed out something else than on the night itself; none, unless
            the core is another one, or the log begins in the middle of a leader's time.
        left_out: Facts before the first leader of the log that found no job under way.
    """

    turns: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    frames: int = 0
    delivered: int = 0
    differing: int = 0
    left_out: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "turns": self.turns,
            "facts": dict(sorted(self.facts.items())),
            "attempts": self.attempts,
            "frames": self.frames,
            "delivered": self.delivered,
            "differing": self.differing,
            "left_out": self.left_out,
        }


def replay(lines: Iterable[str]) -> Replayed:
    """Return what came of a log.

    Raises:
        UnreadableLogError: a line is not one of a leader's.
    """
    found, farm = Replayed(), None
    ids: deque[str] = deque()
    heard: list[tuple[Fact, datetime]] = []
    for at, kind, said in _read(lines):
        if kind == "TookOver":
            heard.clear()
            ids.clear()
            empty = not said["jobs"]
            farm = Farm(beat=said["beat"], new_id=ids.popleft, now=at) if empty else None
        elif kind == "Turn" and farm is not None:
            turn = _TURN.validate_python(said)
            ids.extend(turn.ids)
            _take(found, farm, (heard, turn, at))
            ids.clear()
            heard = []
        elif kind in _KINDS:
            heard.append((_fact(kind, said), at))
            found.left_out += farm is None
            found.facts[kind] += farm is not None
    return found


def _read(lines: Iterable[str]) -> Iterator[tuple[datetime, str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            said = pydantic_core.from_json(line)
            at = datetime.fromisoformat(said.pop("at"))
            ((kind, what),) = said.items()
        except (ValueError, AttributeError, KeyError) as error:
            raise UnreadableLogError(f"line {number} is none of a leader's: {error}") from error
        yield at, kind, what


def _fact(kind: str, said: dict[str, Any]) -> Fact:
    """Return what a line tells; the shares of a policy stand beside it, in a list."""
    shares = [_SHARE.validate_python(share) for share in said.pop("shares", ())]
    fact = _KINDS[kind].validate_python(said)
    if isinstance(fact, facts.PolicyChanged):
        by_name = {(share.tenant_id, share.user): share for share in shares}
        return facts.PolicyChanged(replace(fact.policy, shares=by_name))
    return fact


def _take(
    found: Replayed, farm: Farm, logged: tuple[list[tuple[Fact, datetime]], Turn, datetime]
) -> None:
    """Let the farm take one turn as it was taken on the night."""
    heard, turn, at = logged
    try:
        for fact, moment in heard:
            farm.observe(fact, moment)
        farm.plan(at)
    except IndexError:  # it makes more ids than were made then
        found.differing += 1
        return
    changes = farm.take_changes()
    farm.left(changes.born, turn.under_way)
    _count(found, changes, turn)


def _count(found: Replayed, changes: Changes, turn: Turn) -> None:
    found.turns += 1
    found.attempts += len(changes.born)
    found.frames += sum(len(attempt.task.ordinals) for attempt in changes.born)
    found.delivered += len(changes.delivered)
    found.differing += [attempt.id for attempt in changes.born] != list(turn.born)
