"""`python -m lightmill.scheduler.simulation`: many invented farms, a table, and one JSON line.

Standard output is the same to the byte whenever the seed is; how long it took goes to standard
error.
"""

import argparse
import json
import resource
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from lightmill.scheduler.simulation.crew import Crew, crew
from lightmill.scheduler.simulation.laws import LAWS
from lightmill.scheduler.simulation.mutants import LIMIT, Catch
from lightmill.scheduler.simulation.night import Night
from lightmill.scheduler.simulation.replay import UnreadableLogError, replay
from lightmill.scheduler.simulation.report import HEAD, lines
from lightmill.scheduler.simulation.scenario import ScenarioError, load
from lightmill.scheduler.simulation.survey import Sum, catches, survey

_PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when no law was broken and every mutant was found."""
    asked = _parser().parse_args(arguments)
    if asked.log:
        return _log(asked.log)
    if asked.replay:
        return _replay(*asked.replay)
    sums = []
    _say(HEAD)
    with crew() as hands:
        for one in survey(asked.seed, asked.farms, hands):
            sums.append(one)
            for line in lines(one):
                _say(line)
            _measured(one)
        caught = [] if asked.no_mutants else list(_hunted(asked.seed, hands))
    _remembered()
    for one in sums:
        for seed, what in one.broken:
            _say(f"BROKEN {what}\n  again: make simulate REPLAY='{one.scenario} {seed}'")
    _say(json.dumps(_summary(asked.seed, sums, caught), separators=(",", ":")))
    well = not any(one.broken for one in sums) and all(catch.law for catch in caught)
    return 0 if well else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", default="7", help="everything is drawn from it (SEED=)")
    parser.add_argument("--farms", type=int, default=2000, help="farms in all (FARMS=)")
    parser.add_argument("--no-mutants", action="store_true", help="leave out the hunt")
    parser.add_argument(
        "--replay", nargs=2, metavar=("SCENARIO", "SEED"), help="one farm again (REPLAY=)"
    )
    again = parser.add_subparsers(title="a logged night").add_parser(
        "replay", help="let the core take in a fact log again, turn by turn"
    )
    again.add_argument("log", nargs="+", type=Path, help="the log's files, the oldest first")
    parser.set_defaults(log=None)
    return parser


def _log(files: Sequence[Path]) -> int:
    """Play a logged night; 0 when every turn hands out what it handed out then."""
    try:
        found = replay(line for file in files for line in file.read_text().splitlines())
    except (OSError, UnreadableLogError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _say(json.dumps(found.as_dict(), separators=(",", ":")))
    return 1 if found.differing else 0


def _replay(name: str, seed: str) -> int:
    try:
        scenario = load(name)
    except ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    outcome = Night(scenario, seed).run()
    _say(json.dumps(outcome.as_dict(), separators=(",", ":")))
    return 0 if outcome.broken is None else 1


def _hunted(seed: str, hands: Crew) -> Iterable[Catch]:
    _say(f"\n{'mutant':<42}{'scenario':<16}{'farms':>6}  found by")
    for catch in catches(seed, hands):
        law = catch.law or f"NOT FOUND in {LIMIT} farms"
        _say(f"{catch.mutant:<42}{catch.scenario:<16}{catch.farms:>6}  {law}")
        yield catch


def _measured(one: Sum) -> None:
    """Say how fast it went: never the same twice, and so not among the results."""
    cpu = max(one.cpu_seconds, 1e-9)
    sys.stderr.write(
        f"  {one.scenario}: {one.virtual_seconds:,.0f} virtual s in {cpu:.2f} s of one core, "
        f"{one.virtual_seconds / cpu:,.0f} x real time, {one.decisions / cpu:,.0f} decisions/s\n"
    )


def _remembered() -> None:
    """Say how much memory the largest process took."""
    largest = max(resource.getrusage(who).ru_maxrss for who in _PROCESSES)
    sys.stderr.write(f"  at most {largest / 1024:,.0f} MB in one process\n")


def _summary(seed: str, sums: list[Sum], caught: list[Catch]) -> dict[str, object]:
    return {
        "seed": seed,
        "farms": sum(one.farms for one in sums),
        "laws": len(LAWS),
        "broken": sum(len(one.broken) for one in sums),
        "scenarios": {one.scenario: one.as_dict() for one in sums},
        "mutants_found": sum(catch.law is not None for catch in caught),
        "mutants": [asdict(catch) for catch in caught],
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
