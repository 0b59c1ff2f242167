"""Lists the benchmarks, or runs one: `python bench/run.py [NAME]`.

What a benchmark prints while it runs is for people; the last line is one JSON document, which
is kept in `bench/results` too: `make figures` writes the README's table from there.
"""

import importlib
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "aiosqlite", "pydantic", "httpx2")
_NO_BENCH = {"run", "figures"}


def names() -> list[str]:
    """Return the benchmarks that there are."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(found - _NO_BENCH)


def purpose(name: str) -> str:
    """Return the first line of a benchmark's docstring."""
    module = importlib.import_module(name)
    return (module.__doc__ or "").partition("\n")[0]


def versions() -> Mapping[str, str]:
    """Return what the figures were measured with."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(len(os.sched_getaffinity(0))),
        **{name: version(name) for name in _LIBRARIES},
    }


def main() -> None:
    """Run what the command line asks for."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted not in names():
        if wanted:
            print(f"there is no benchmark {wanted!r}; there are:", file=sys.stderr)
        for name in names():
            print(f"  {name:16} {purpose(name)}")
        sys.exit(2 if wanted else 0)
    figures = importlib.import_module(wanted).run()
    more = figures.pop("versions", {})
    document = {"bench": wanted, "figures": figures, "versions": {**versions(), **more}}
    line = json.dumps(document)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{wanted}.json").write_text(f"{line}\n")
    print(line)


if __name__ == "__main__":
    main()
