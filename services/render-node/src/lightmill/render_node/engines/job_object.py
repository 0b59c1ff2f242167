"""A job object of Windows: a process tree that is held to limits and ends as one.

Written from Microsoft's documentation ("Job Objects", `SetInformationJobObject`,
`JOBOBJECT_EXTENDED_LIMIT_INFORMATION`) and never run on Windows: its tests hand in a kernel that
records what it is asked. Nothing else of the node uses it before nodes run there.
"""

import ctypes
from typing import Any

_EXTENDED_LIMITS = 9
_BASIC_ACCOUNTING = 1
_ACTIVE_PROCESSES = 0x00000008
_JOB_MEMORY = 0x00000200
_DIE_ON_UNHANDLED = 0x00000400
_KILL_ON_CLOSE = 0x00002000
_SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001
_KILLED = 137
Handle = ctypes.c_void_p
Word = ctypes.c_uint32


class _Basic(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", Word),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", Word),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", Word),
        ("SchedulingClass", Word),
    )


class _Counters(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("ReadOperationCount", "WriteOperationCount", "OtherOperationCount"),
            *("ReadTransferCount", "WriteTransferCount", "OtherTransferCount"),
        )
    )


class ExtendedLimits(ctypes.Structure):
    """`JOBOBJECT_EXTENDED_LIMIT_INFORMATION`."""

    _fields_ = (
        ("BasicLimitInformation", _Basic),
        ("IoInfo", _Counters),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Accounting(ctypes.Structure):
    """`JOBOBJECT_BASIC_ACCOUNTING_INFORMATION`."""

    _fields_ = (
        ("TotalUserTime", ctypes.c_int64),
        ("TotalKernelTime", ctypes.c_int64),
        ("ThisPeriodTotalUserTime", ctypes.c_int64),
        ("ThisPeriodTotalKernelTime", ctypes.c_int64),
        ("TotalPageFaultCount", Word),
        ("TotalProcesses", Word),
        ("ActiveProcesses", Word),
        ("TotalTerminatedProcesses", Word),
    )


class JobObject:
    """A tree that dies with the node: Windows ends it when its last handle is closed.

    Args:
        kernel: `ctypes.WinDLL("kernel32", use_last_error=True)`, or what stands in for it.
        ram: Bytes that the tree may commit.
        processes: How many it may have at once.

    Raises:
        OSError: Windows refuses.
    """

    def __init__(self, kernel: Any, *, ram: int, processes: int) -> None:  # noqa: ANN401  # a library
        self._kernel = kernel
        kernel.CreateJobObjectW.restype = kernel.OpenProcess.restype = Handle
        self._handle: int | None = self._sure("CreateJobObjectW", None, None)
        limits = ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = (
            _KILL_ON_CLOSE | _JOB_MEMORY | _ACTIVE_PROCESSES | _DIE_ON_UNHANDLED
        )
        limits.BasicLimitInformation.ActiveProcessLimit = processes
        limits.JobMemoryLimit = ram
        try:
            self._tell(_EXTENDED_LIMITS, limits)
        except OSError:
            self.close()
            raise

    def take_in(self, pid: int) -> None:
        """Put a process into the job; what it starts from then on belongs to it too.

        Raises:
            OSError: it is gone already, or may not be touched.
        """
        process = self._sure("OpenProcess", Word(_SET_QUOTA_AND_TERMINATE), 0, Word(pid))
        try:
            self._sure("AssignProcessToJobObject", Handle(self._handle), Handle(process))
        finally:
            self._kernel.CloseHandle(Handle(process))

    def processes(self) -> int:
        """Return how many processes of the tree live."""
        found = Accounting()
        self._ask(_BASIC_ACCOUNTING, found)
        return int(found.ActiveProcesses)

    def peak_memory(self) -> int:
        """Return the most bytes that the tree has had committed."""
        found = ExtendedLimits()
        self._ask(_EXTENDED_LIMITS, found)
        return int(found.PeakJobMemoryUsed)

    def end(self) -> None:
        """Kill the whole tree, grandchildren that left their parents included."""
        self._sure("TerminateJobObject", Handle(self._handle), Word(_KILLED))

    def close(self) -> None:
        """Give the handle back, which kills whatever is left. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._kernel.CloseHandle(Handle(handle))

    def _tell(self, kind: int, limits: ctypes.Structure) -> None:
        size = Word(ctypes.sizeof(limits))
        self._sure(
            "SetInformationJobObject", Handle(self._handle), kind, ctypes.byref(limits), size
        )

    def _ask(self, kind: int, into: ctypes.Structure) -> None:
        size = Word(ctypes.sizeof(into))
        handle = Handle(self._handle)
        self._sure("QueryInformationJobObject", handle, kind, ctypes.byref(into), size, None)

    def _sure(self, call: str, *arguments: Any) -> int:  # noqa: ANN401  # what ctypes takes
        """Return what a call answers, which is nothing only when it failed."""
        answer = getattr(self._kernel, call)(*arguments)
        if not answer:
            read = getattr(ctypes, "get_last_error", None)
            raise OSError(read() if read else 0, f"{call} failed")
        return int(answer)
