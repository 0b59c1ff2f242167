"""Hashing a folder for its manifest, against Deadline Cloud's job attachments on the same files.

2,000 files of 64 KiB, first unknown and then remembered, and one file of 1 GiB. Both sides read
from a warm page cache, one after the other, five times, and give the manifest as objects; ours
walks the folder as well.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from peers.environment import peers_python

from lightmill.client.folder import LocalFile, read_folder
from lightmill.client.known_hashes import KnownHashes

FILES, SIZE = 2_000, 64 * 2**10
LARGE = 2**30
ROUNDS = 5
_FOLDERS = 20
_MIB = 2**20
_SETTLE_S = 2.5  # younger files than that are not remembered


def run() -> dict[str, object]:
    """Return the figures."""
    python = peers_python("deadline")
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder:
        many, large = _trees(Path(folder))
        time.sleep(_SETTLE_S)
        rounds = [_round(python, Path(folder), many, large, n) for n in range(ROUNDS)]
    figures: dict[str, object] = {"load_before": os.getloadavg()[0]}
    for name, goal in (("cold", 10), ("warm", 20), ("large", 2)):
        ratios = sorted(one[name] for one in rounds)
        figures[f"{name}_over_deadline"] = round(median(ratios), 2)
        figures[f"{name}_min_max"] = [round(ratios[0], 2), round(ratios[-1], 2)]
        print(f"{name}: {ratios[0]:.1f} to {median(ratios):.1f} to {ratios[-1]:.1f} (aim: {goal})")
    for name in ("ours_cold", "ours_warm", "ours_large"):
        figures[f"{name}_s"] = round(median(one[name] for one in rounds), 4)
    return figures


def _trees(root: Path) -> tuple[Path, Path]:
    many, large = root / "many", root / "large"
    for number in range(FILES):
        folder = many / f"textures{number % _FOLDERS}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}.exr").write_bytes(os.urandom(SIZE))
    large.mkdir()
    with (large / "cache.abc").open("wb") as file:
        for _ in range(LARGE // _MIB):
            file.write(os.urandom(_MIB))
    return many, large


def _round(python: Path, root: Path, many: Path, large: Path, number: int) -> Mapping[str, float]:
    """Return how many times as fast we are."""
    known = KnownHashes(root / f"ours-{number}" / "hashes.sqlite")
    theirs = _deadline(python, root / f"theirs-{number}", many)
    cold = _timed(lambda: _manifest(many, known))
    warm = _timed(lambda: _manifest(many, known))
    their_large = _deadline(python, root / f"theirs-large-{number}", large)
    our_large = _timed(lambda: _manifest(large, None))
    return {
        "cold": theirs["cold"] / cold,
        "warm": theirs["warm"] / warm,
        "large": their_large["cold"] / our_large,
        "ours_cold": cold,
        "ours_warm": warm,
        "ours_large": our_large,
    }


def _deadline(python: Path, cache: Path, tree: Path) -> Mapping[str, float]:
    cache.mkdir()
    script = Path(__file__).parent / "peers" / "deadline_manifest.py"
    command = [str(python), str(script), str(cache), str(tree)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # ours
    seconds: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return seconds


def _manifest(tree: Path, known: KnownHashes | None) -> Sequence[LocalFile]:
    return read_folder(tree, known)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
