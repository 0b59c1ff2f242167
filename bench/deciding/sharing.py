"""How evenly users are served while they wait for more."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from deciding.mixes import Mix, Order

from lightmill.domain.resources import Needs, Offer

_GRAIN = 1 / 300
"""Of the farm: what is given to a user at a time, to find what is fair."""

Waiting = frozenset[tuple[str, Needs]]
"""Who waits for what."""

_Parts = list[float]


@dataclass(slots=True)
class Sharing:
    """Counts what users hold of a farm against what is fair.

    Jain's index is taken as its paper has it (Jain, Chiu and Hawe, 1984): of what each got divided
    by what is fair for it. Bare dominant shares would call a farm unfair that leaves nothing idle:
    who alone can use some machines (since nobody else's work needs devices, or fits elsewhere)
    has more than others and takes it from nobody, and to hold it back would help no one. What is
    fair is max-min: dominant shares grow alike, and whose work finds no more room, were tasks as
    fine as sand, stands while the others grow on (progressive filling: Ghodsi et al., 2011).

    Each stretch in which the same users wait is weighed by its length. Where nothing but age
    counts, the index is about a half: it tells schedulers apart.
    """

    mix: Mix
    _has: _Parts = field(init=False)
    _holds: dict[str, _Parts] = field(default_factory=dict)
    _now: float = 0.0
    _since: float = 0.0
    _waiting: Waiting = frozenset()
    _orders: frozenset[str] = frozenset()
    _got: Counter[str] = field(default_factory=Counter)
    _due: Counter[str] = field(default_factory=Counter)
    _found: list[tuple[float, float, float]] = field(default_factory=list)
    _fair: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._has = _has(self.mix.offers)

    @property
    def index(self) -> float:
        """Return the index over all stretches."""
        return self._mean(1)

    @property
    def bare(self) -> float:
        """Return the index of bare dominant shares."""
        return self._mean(2)

    def hold(self, order: Order, sign: int) -> None:
        """Count a task that begins (1) or ends (-1) now."""
        held = self._holds.setdefault(order.user, [0.0, 0.0, 0.0])
        for place, part in enumerate(_parts(order.needs)):
            held[place] += sign * part

    def until(self, seconds: float) -> None:
        """Let time pass in which everybody holds what they hold."""
        length = seconds - self._now
        self._now = seconds
        if length <= 0:
            return
        for user, held in self._holds.items():
            self._got[user] += length * _dominant(held, self._has)
        for user, share in self._fair.items():
            self._due[user] += length * share

    def look(self, waiting: Iterable[Order]) -> None:
        """Note what waits from now on."""
        orders = list(waiting)
        ids = frozenset([order.id for order in orders])
        if ids == self._orders:
            return
        self._orders = ids
        found = frozenset({(order.user, order.needs) for order in orders})
        if _users(found) != _users(self._waiting):
            self._close()
        if found != self._waiting:
            self._fair = fair_shares(found, self.mix.offers)
        self._waiting = found

    def _close(self) -> None:
        """End a stretch: other users wait than before."""
        length, users = self._now - self._since, _users(self._waiting)
        if length > 0 and len(users) > 1:
            fair = jain([self._got[user] / self._due[user] for user in users])
            self._found.append((length, fair, jain([self._got[user] for user in users])))
        self._got.clear()
        self._due.clear()
        self._since = self._now

    def _mean(self, place: int) -> float:
        length = sum(found[0] for found in self._found)
        return sum(found[0] * found[place] for found in self._found) / length if length else 1.0


@dataclass(slots=True)
class _Machines:
    """All machines of a kind as one; what is free there, and room for tasks of each sort."""

    offer: Offer
    count: int
    free: _Parts
    slots: dict[Needs, float] = field(default_factory=dict)

    def give(self, needs: Needs, tasks: float) -> bool:
        """Give room for so many tasks, or none; tell whether there was any."""
        slots = self.slots.setdefault(needs, float(self.count * _at_once(needs, self.offer)))
        asked = [tasks * part for part in _parts(needs)]
        if slots < tasks or any(a > f for a, f in zip(asked, self.free, strict=True)):
            return False
        self.slots[needs] = slots - tasks
        self.free = [f - a for a, f in zip(asked, self.free, strict=True)]
        return True


def fair_shares(waiting: Waiting, offers: Collection[Offer]) -> dict[str, float]:
    """Return the dominant share of each user that waits, by progressive filling.

    Work is given what the fewest machines have, machines those without devices, first.
    """
    has = _has(offers)
    kinds = Counter((o.cores, o.ram, len(o.gpus)) for o in offers)
    rooms = [
        _Machines(next(o for o in offers if _same(o, kind)), n, [part * n for part in kind])
        for kind, n in sorted(kinds.items(), key=lambda one: (one[0][2], one[0][1]))
    ]
    asked: dict[str, list[Needs]] = {}
    for user, needs in sorted(waiting, key=lambda one: (one[0], -_rarity(one[1], offers))):
        asked.setdefault(user, []).append(needs)
    held = {user: [0.0, 0.0, 0.0] for user in asked}
    growing = set(asked)
    while growing:
        user = min(growing, key=lambda user: (_dominant(held[user], has), user))
        given = next((needs for needs in asked[user] if _give(rooms, needs, has)), None)
        if given is None:
            growing.discard(user)
            continue
        tasks = _grain(given, has)
        held[user] = [h + tasks * p for h, p in zip(held[user], _parts(given), strict=True)]
    return {user: max(_dominant(parts, has), _GRAIN) for user, parts in held.items()}


def jain(shares: Collection[float]) -> float:
    """Return Jain's index: 1 when all have the same, 1/n when one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def _give(rooms: Iterable[_Machines], needs: Needs, has: _Parts) -> bool:
    tasks = _grain(needs, has)
    return any(room.give(needs, tasks) for room in rooms)


def _grain(needs: Needs, has: _Parts) -> float:
    return _GRAIN / _dominant(_parts(needs), has)


def _rarity(needs: Needs, offers: Collection[Offer]) -> int:
    return sum(not _at_once(needs, offer) for offer in offers)


def _users(waiting: Waiting) -> frozenset[str]:
    return frozenset(user for user, _ in waiting)


def _same(offer: Offer, kind: tuple[int, int, int]) -> bool:
    return (offer.cores, offer.ram, len(offer.gpus)) == kind


def _at_once(needs: Needs, offer: Offer) -> int:
    room = (offer.cores, offer.ram, len(offer.gpus))
    return min(int(r // part) for r, part in zip(room, _parts(needs), strict=True) if part)


def _parts(needs: Needs) -> _Parts:
    return [float(needs.cores or 0), float(needs.ram or 0), float(needs.gpus)]


def _has(offers: Collection[Offer]) -> _Parts:
    gpus = sum(len(offer.gpus) for offer in offers)
    return [float(sum(o.cores for o in offers)), float(sum(o.ram for o in offers)), float(gpus)]


def _dominant(parts: _Parts, has: _Parts) -> float:
    return max(part / all_ for part, all_ in zip(parts, has, strict=True) if all_)
