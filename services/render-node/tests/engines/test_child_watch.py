"""The event loop hears of the end of processes, in a program as in a test."""

import subprocess
import sys

PROGRAM = """
import asyncio
from lightmill.render_node.engines.child_watch import watch_by_descriptor

async def main():
    watch_by_descriptor()
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "read line; exit 7", stdin=-1)
    watch_by_descriptor()  # another node in the same program
    process.stdin.close()
    print(await process.wait())

asyncio.run(main())
"""


def test_a_program_that_runs_nodes_hears_of_their_engines() -> None:
    ended = subprocess.run(  # noqa: S603  # the tests' own words
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.strip() == "7", ended.stderr
