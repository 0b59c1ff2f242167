"""One file of 1 GiB into the farm, against the minio SDK's bare multipart put of the same bytes.

Ours hashes the file, sends it in parts, has the farm read all of it back from the object store and
makes a bundle. Both write to the same SeaweedFS, three times, each time other content, and who
goes first alternates.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from minio import Minio

from lightmill.client import Farm
from lightmill.testing.containers import S3Server
from lightmill.testing.processes import ProcessFarm, process_farm, servers

SIZE = 2**30
ROUNDS = 3
_MIB = 2**20
_BUCKET = "lightmill"


def run() -> dict[str, object]:
    """Return the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="lightmill-bench-") as folder,
        servers() as on,
        process_farm(on, Path(folder)) as farm,
    ):
        farm.await_api(farm.start("api", "api"))
        rounds = [_round(farm, on.s3, Path(folder), number) for number in range(ROUNDS)]
    ratios = sorted(bare / ours for bare, ours in rounds)
    ours = median(ours for _, ours in rounds)
    bare = median(bare for bare, _ in rounds)
    print(f"bare put {SIZE / bare / 1e6:.0f} MB/s, into the farm {SIZE / ours / 1e6:.0f} MB/s")
    return {
        "over_bare_put": round(median(ratios), 3),
        "min_max": [round(ratios[0], 3), round(ratios[-1], 3)],
        "farm_mb_s": round(SIZE / ours / 1e6, 1),
        "bare_mb_s": round(SIZE / bare / 1e6, 1),
        "load_before": os.getloadavg()[0],
    }


def _round(farm: ProcessFarm, store: S3Server, folder: Path, number: int) -> tuple[float, float]:
    """Return the seconds of the bare put and of ours."""
    file = folder / "cache.abc"
    with file.open("wb") as content:
        for _ in range(SIZE // _MIB):
            content.write(os.urandom(_MIB))

    def put() -> None:
        _put(store, file, f"bare/{number}")

    def hand_in() -> None:
        with Farm(farm.url, farm.token) as client:
            client.upload_folder(file)

    if number % 2:
        ours, bare = _timed(hand_in), _timed(put)
    else:
        bare, ours = _timed(put), _timed(hand_in)
    print(f"bare {bare:.1f} s, ours {ours:.1f} s")
    return bare, ours


def _put(store: S3Server, file: Path, key: str) -> None:
    client = Minio(
        endpoint=urlsplit(store.endpoint).netloc,
        access_key=store.access_key,
        secret_key=store.secret_key,
        region="us-east-1",
        secure=False,
    )
    client.fput_object(
        bucket_name=_BUCKET, object_name=key, file_path=str(file), part_size=16 * _MIB
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
