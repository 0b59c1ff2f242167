"""Processes are found by their mark, from the moment that their start is told."""

import os
import signal

from lightmill.render_node.engines import process_tree


def test_a_program_is_found_as_soon_as_its_start_is_told() -> None:
    environment = {"PATH": os.defpath, process_tree.MARK: "just begun"}
    for _ in range(100):
        pid = os.posix_spawn("/bin/sleep", ["sleep", "600"], environment)
        try:
            assert process_tree.marked("just begun", (pid,)) == [pid]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_a_program_without_an_environment_is_not_waited_for_and_not_taken_for_another() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
    try:
        assert process_tree.marked("", (pid,)) == []
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
