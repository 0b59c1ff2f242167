"""What programs say before they fail, and what it means for the farm."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines import wire


@dataclass(frozen=True, slots=True)
class Symptom:
    """A pattern in the last lines of a program's output."""

    pattern: re.Pattern[str]
    kind: FailureKind


def symptom(pattern: str, kind: FailureKind) -> Symptom:
    """Return a symptom; case does not matter, and the pattern stays within a line."""
    return Symptom(re.compile(pattern, re.IGNORECASE), kind)


def diagnose(exit_code: int, tail: str, symptoms: Sequence[Symptom]) -> FailureKind:
    """Return the kind of the first symptom that shows, else what the exit says by itself."""
    for one in symptoms:
        if one.pattern.search(tail):
            return one.kind
    return FailureKind.OUTPUT if exit_code == 0 else wire.classify(tail)


def licence_hosts(licences: Mapping[str, str]) -> tuple[str, ...]:
    """Return the hosts of licence servers written as `27000@host`, several parted by `:`."""
    entries = (entry for value in licences.values() for entry in re.split(r"[:;]", value))
    return tuple(entry.partition("@")[2] for entry in entries if "@" in entry)
