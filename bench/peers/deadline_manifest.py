"""The peer of `bench/manifest.py`: Deadline Cloud's job attachments on the same files.

`python deadline_manifest.py CACHE FOLDER` hashes what lies in FOLDER twice with the cache folder
CACHE, first empty and then warm, and prints the seconds of both as JSON. Imports and the walk
through the folder are not counted.
"""

import json
import sys
import time
from pathlib import Path

from deadline.job_attachments.upload import S3AssetManager


def main() -> None:
    """Measure, and print."""
    cache, folder = sys.argv[1:]
    files = sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
    manager = S3AssetManager(asset_uploader=object())  # nothing is uploaded
    group = manager.prepare_paths_for_upload(files, [], [])
    seconds = []
    for _ in range(2):
        fresh = S3AssetManager(asset_uploader=object())
        began = time.perf_counter()
        _, manifests = fresh.hash_assets_and_create_manifest(
            group.asset_groups, group.total_input_files, group.total_input_bytes, cache
        )
        seconds.append(time.perf_counter() - began)
        assert sum(len(one.asset_manifest.paths) for one in manifests) == len(files)  # noqa: S101
    print(json.dumps({"cold": seconds[0], "warm": seconds[1]}))


if __name__ == "__main__":
    main()
