"""Both ways to become an engine hold it to the same limits and bind it to the node's life."""

import os
import select
import subprocess
import sys

import pytest

from lightmill.render_node.engines.launching import Launched, by_python, by_shell, find_launch

LIMIT = 2**20
ENGINE = """
import resource
from pathlib import Path
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_FSIZE))
print(Path("/proc/self/oom_score_adj").read_text().strip())
"""
NODE = """
import subprocess, sys
from lightmill.render_node.engines import launching
sleep = getattr(launching, sys.argv[1])(("sleep", "600"), 2**20)
print(subprocess.Popen(sleep, stdout=subprocess.DEVNULL).pid, flush=True)
sys.stdin.read()
"""

ways = pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            by_shell, marks=pytest.mark.skipif(find_launch() is by_python, reason="no setpriv")
        ),
        by_python,
    ],
)


@ways
def test_the_engine_is_held_to_its_limits(way: Launched) -> None:
    command = way((sys.executable, "-I", "-c", ENGINE), LIMIT)
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # our own
    assert told.splitlines() == [f"(0, 0) ({LIMIT}, {LIMIT})", "800"]


@ways
def test_a_lower_limit_that_stands_already_is_left(way: Launched) -> None:
    narrow = ("/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "narrow")
    engine = (sys.executable, "-I", "-c", ENGINE)
    told = subprocess.run(  # noqa: S603  # our own command line
        [*narrow, *way(engine, LIMIT)], check=True, capture_output=True, text=True
    ).stdout
    assert "(4096, 4096)" in told


@ways
def test_nothing_starts_once_the_node_is_gone(way: Launched) -> None:
    command = way((sys.executable, "-I", "-c", ENGINE), LIMIT)
    foreign = ["/bin/sh", "-c", '"$@"; exit $?', "between", *command]
    ended = subprocess.run(foreign, check=False, capture_output=True, text=True)  # noqa: S603  # our own
    assert ended.returncode != 0
    assert "the node is gone" in ended.stderr
    assert ended.stdout == ""


@ways
def test_the_engine_ends_with_the_node(way: Launched) -> None:
    node = subprocess.Popen(  # noqa: S603  # our own command line
        [sys.executable, "-c", NODE, way.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert node.stdout is not None
    engine = int(node.stdout.readline())
    pidfd = os.pidfd_open(engine)
    node.kill()
    node.communicate()
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(10_000)
    os.close(pidfd)
