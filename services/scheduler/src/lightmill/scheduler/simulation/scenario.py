"""What kind of farm to invent, and what befalls it: one small file each."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from lightmill.domain.policy import Scaling
from lightmill.scheduler.simulation.keeper import LimitRule, PoolRule, Rules, ShareRule
from lightmill.scheduler.simulation.kinds import MachineKind, Span, WorkKind

FOLDER = Path(__file__).with_name("scenarios")

Table = TypeVar("Table")


_PARTS = {"about", "farm", "faults", "artists", "policy", "machines", "work"}


class ScenarioError(ValueError):
    """A scenario file says something that no scenario can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large farms are; each span is drawn from anew for every farm.

    Attributes:
        seconds: Of a frame, in the middle; each frame takes half as long to half as long again.
        tests: Share of the jobs with a test frame.
        wide: Share of the jobs whose frames need two cores.
        gather: Seconds that a leader lets news come together.
        whole: Share of the jobs whose frames take a machine for themselves.
        storm: Seconds during which faults happen and jobs come in; then the farm has to settle.
        patience: Seconds that it may take to settle.
    """

    candidates: Span = (2, 3)
    nodes: Span = (2, 5)
    cores: Span = (1, 4)
    jobs: Span = (2, 5)
    frames: Span = (3, 20)
    seconds: Span = (1.0, 6.0)
    chunk: Span = (1, 3)
    tests: float = 0.3
    wide: float = 0.2
    whole: float = 0.1
    gather: Span = (0.0, 0.15)
    storm: float = 50.0
    patience: float = 400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often things go wrong: times a minute for the whole farm, or shares of the cases."""

    leader_crash: float = 0.0
    leader_freeze: float = 0.0
    leader_link: float = 0.0
    node_crash: float = 0.0
    node_freeze: float = 0.0
    node_cut: float = 0.0
    node_clock: float = 0.0
    purge_inbox: float = 0.0
    purge_reports: float = 0.0
    purge_session: float = 0.0
    broker_slow: float = 0.0
    database_slow: float = 0.0
    commit_failed: float = 0.0
    commit_unknown: float = 0.0
    doorbell_lost: float = 0.0
    duplicate: float = 0.0
    frame_failed: float = 0.0
    slow_kill: float = 0.0
    slow_clock: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Artists:
    """How often, a minute, an owner changes their mind."""

    cancel: float = 0.0
    pause: float = 0.0
    retry: float = 0.0
    hurry: float = 0.0
    approve: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One file of `scenarios/`.

    Attributes:
        rules: What the keeper of the farm decides; None: nothing at all.
        machines: Kinds that machines are drawn from, the first of which is in every farm; none:
            they differ by their cores alone.
        work: Kinds that jobs are drawn from; none: one owner's, which differ by what `size` says.
    """

    name: str
    about: str
    size: Size = field(default_factory=Size)
    faults: Faults = field(default_factory=Faults)
    artists: Artists = field(default_factory=Artists)
    rules: Rules | None = None
    machines: tuple[MachineKind, ...] = ()
    work: tuple[WorkKind, ...] = ()


def names() -> list[str]:
    """Return the scenarios that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """Return the scenario of that name.

    Raises:
        ScenarioError: there is none, or its file says what no scenario can say.
    """
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(names())}")
    return parse(name, path.read_text())


def parse(name: str, text: str) -> Scenario:
    """Return the scenario that `text` describes.

    Raises:
        ScenarioError: it says what no scenario can say.
    """
    said = tomllib.loads(text)
    unknown = sorted(said.keys() - _PARTS)
    if unknown:
        raise ScenarioError(f"{name}: {unknown} is no part of a scenario")
    return Scenario(
        name=name,
        about=str(said.get("about", "")),
        size=_table(Size, name, said.get("farm", {})),
        faults=_table(Faults, name, said.get("faults", {})),
        artists=_table(Artists, name, said.get("artists", {})),
        rules=_rules(name, said["policy"]) if "policy" in said else None,
        machines=tuple(_table(MachineKind, name, one) for one in said.get("machines", ())),
        work=tuple(_table(WorkKind, name, one) for one in said.get("work", ())),
    )


def _rules(name: str, said: dict[str, Any]) -> Rules:
    parts = {
        "limits": {key: _scaled(LimitRule, name, one) for key, one in _part(said, "limits")},
        "pools": {key: _scaled(PoolRule, name, one) for key, one in _part(said, "pools")},
        "shares": {key: _table(ShareRule, name, one) for key, one in _part(said, "shares")},
    }
    return _table(Rules, name, said | parts)


def _part(said: dict[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    rules: dict[str, Any] = said.get(key, {})
    return rules.items()


def _scaled(kind: type[Table], name: str, said: dict[str, Any]) -> Table:
    if "scaling" not in said:
        return _table(kind, name, said)
    return _table(kind, name, said | {"scaling": _table(Scaling, name, said["scaling"])})


def _table(kind: type[Table], name: str, said: dict[str, Any]) -> Table:
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    unknown = sorted(said.keys() - known)
    if unknown:
        raise ScenarioError(f"{name}: {unknown}; there are {sorted(known)}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
    }
    return kind(**values)
