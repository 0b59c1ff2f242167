"""What Windows is asked for a process tree, by a kernel that records it; not run on Windows."""

import ctypes
from typing import Any

import pytest

from lightmill.render_node.engines.job_object import Accounting, ExtendedLimits, JobObject

JOB, PROCESS = 100, 200
TERMINATE = 0x0001
SET_QUOTA = 0x0100
KILL_ON_JOB_CLOSE = 0x2000


class Call:
    """One function of the library; `restype` is set as on a real one."""

    restype: Any = None

    def __init__(self, kernel: "Kernel", name: str) -> None:
        self._kernel = kernel
        self._name = name

    def __call__(self, *arguments: Any) -> int:  # noqa: ANN401  # as ctypes
        return self._kernel.answer(self._name, arguments)


class Kernel:
    """Answers as kernel32 does and keeps what it was asked."""

    def __init__(self, *refused: str) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.limits = ExtendedLimits()
        self._refused = refused
        self._made: dict[str, Call] = {}

    def __getattr__(self, name: str) -> Call:
        return self._made.setdefault(name, Call(self, name))

    def answer(self, name: str, arguments: tuple[Any, ...]) -> int:
        plain = tuple(getattr(one, "value", one) for one in arguments)
        self.calls.append((name, plain))
        if name in self._refused:
            return 0
        match name:
            case "CreateJobObjectW":
                return JOB
            case "OpenProcess":
                return PROCESS
            case "SetInformationJobObject":
                self.limits = arguments[2]._obj  # noqa: SLF001  # what byref was given
            case "QueryInformationJobObject":
                self._fill(arguments[2]._obj)  # noqa: SLF001  # likewise
            case _:
                pass
        return 1

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    @staticmethod
    def _fill(into: ctypes.Structure) -> None:
        if isinstance(into, Accounting):
            into.ActiveProcesses = 3
        elif isinstance(into, ExtendedLimits):
            into.PeakJobMemoryUsed = 2**33


def test_the_structures_have_the_documented_sizes_on_64_bits() -> None:
    assert (ctypes.sizeof(ExtendedLimits), ctypes.sizeof(Accounting)) == (144, 48)


def test_a_job_ends_with_its_handle_and_is_held_to_limits() -> None:
    kernel = Kernel()
    JobObject(kernel, ram=2**32, processes=256)
    basic = kernel.limits.BasicLimitInformation
    assert basic.LimitFlags & KILL_ON_JOB_CLOSE
    assert basic.LimitFlags & 0x0200
    assert basic.LimitFlags & 0x0008
    assert (kernel.limits.JobMemoryLimit, basic.ActiveProcessLimit) == (2**32, 256)
    kind, size = kernel.calls[1][1][1], kernel.calls[1][1][3]
    assert (kind, size) == (9, ctypes.sizeof(ExtendedLimits))
    assert kernel.CreateJobObjectW.restype is kernel.OpenProcess.restype is ctypes.c_void_p


def test_a_process_is_taken_in_with_no_more_rights_than_that_needs() -> None:
    kernel = Kernel()
    JobObject(kernel, ram=1, processes=1).take_in(42)
    assert kernel.calls[2:] == [
        ("OpenProcess", (SET_QUOTA | TERMINATE, 0, 42)),
        ("AssignProcessToJobObject", (JOB, PROCESS)),
        ("CloseHandle", (PROCESS,)),
    ]


def test_a_process_that_may_not_be_taken_in_is_let_go() -> None:
    kernel = Kernel("AssignProcessToJobObject")
    job = JobObject(kernel, ram=1, processes=1)
    with pytest.raises(OSError, match="AssignProcessToJobObject failed"):
        job.take_in(42)
    assert kernel.calls[-1] == ("CloseHandle", (PROCESS,))


def test_what_the_tree_is_and_was_is_asked() -> None:
    job = JobObject(Kernel(), ram=1, processes=1)
    assert (job.processes(), job.peak_memory()) == (3, 2**33)


def test_the_tree_is_ended_as_one_and_the_handle_given_back_once() -> None:
    kernel = Kernel()
    job = JobObject(kernel, ram=1, processes=1)
    job.end()
    job.close()
    job.close()
    assert kernel.names()[2:] == ["TerminateJobObject", "CloseHandle"]


def test_limits_that_are_refused_leave_no_job_behind() -> None:
    kernel = Kernel("SetInformationJobObject")
    with pytest.raises(OSError, match="SetInformationJobObject failed"):
        JobObject(kernel, ram=1, processes=1)
    assert kernel.calls[-1] == ("CloseHandle", (JOB,))
