"""Graphics devices, by NVIDIA's library, by its program, or by what Linux shows of drivers.

None of it has been run on a machine with such a device: NVML and sysfs are read as documented
(NVML API reference; the kernel's "amdgpu" documentation, `mem_info_vram_total`).
"""

import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from lightmill.domain.resources import GIB, Gpu

_MIB = 2**20
_QUERY = ("--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")
_VENDORS = {"0x1002": "amd", "0x8086": "intel"}
_VRAM = ("device/mem_info_vram_total", "device/lmem_total_bytes", "lmem_total_bytes")
_LEAST = GIB
"""Bytes of its own below which a device is a part of the processor, and renders no faster."""


def gpus(drm: Path = Path("/sys/class/drm")) -> tuple[Gpu, ...]:
    """Return the devices of this machine, numbered as their driver numbers them.

    NVIDIA's alone where there are any: engines count the devices of one vendor only.
    """
    return by_nvml(_nvml()) or by_nvidia_smi() or by_sysfs(drm)


def by_nvml(library: Any) -> tuple[Gpu, ...]:  # noqa: ANN401  # `pynvml`, which need not be there
    """Return what NVIDIA's library knows; none where it, or the driver, is not there."""
    if library is None:
        return ()
    try:
        library.nvmlInit()
        try:
            return tuple(_told(library, n) for n in range(library.nvmlDeviceGetCount()))
        finally:
            library.nvmlShutdown()
    except library.NVMLError:
        return ()


def by_nvidia_smi() -> tuple[Gpu, ...]:
    """Return what NVIDIA's program lists; none where it is not there."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        found = subprocess.run(  # noqa: S603  # a fixed command
            [program, *_QUERY], capture_output=True, check=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return gpus_from(found.stdout)


def gpus_from(listing: str) -> tuple[Gpu, ...]:
    """Return the devices in a listing of `nvidia-smi`: index, name, MiB."""
    rows = [[cell.strip() for cell in line.split(",")] for line in listing.splitlines()]
    return tuple(
        Gpu(index=int(row[0]), name=row[1], vendor="nvidia", vram=int(row[2]) * _MIB)
        for row in rows
        if len(row) == 3 and row[0].isdigit() and row[2].isdigit()  # noqa: PLR2004  # columns
    )


def by_sysfs(drm: Path) -> tuple[Gpu, ...]:
    """Return the devices of AMD, or else of Intel, that have memory of their own."""
    found = list(_cards(drm))
    vendor = min((gpu.vendor for gpu in found), default="")
    of_one = [gpu for gpu in found if gpu.vendor == vendor]
    return tuple(
        Gpu(index=index, name=gpu.name, vendor=vendor, vram=gpu.vram)
        for index, gpu in enumerate(of_one)
    )


def _cards(drm: Path) -> Iterator[Gpu]:
    cards = [card for card in drm.glob("card*") if re.fullmatch(r"card\d+", card.name)]
    for card in sorted(cards, key=lambda card: int(card.name[4:])):
        vendor = _VENDORS.get(_text(card / "device/vendor"))
        sizes = [_text(card / name) for name in _VRAM]
        vram = max((int(size) for size in sizes if size.isdigit()), default=0)
        if vendor is not None and vram >= _LEAST:
            name = _text(card / "device/product_name") or _text(card / "device/device")
            yield Gpu(index=0, name=name, vendor=vendor, vram=vram)


def _told(library: Any, index: int) -> Gpu:  # noqa: ANN401  # likewise
    device = library.nvmlDeviceGetHandleByIndex(index)
    name = library.nvmlDeviceGetName(device)
    return Gpu(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        vendor="nvidia",
        vram=int(library.nvmlDeviceGetMemoryInfo(device).total),
    )


def _nvml() -> ModuleType | None:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
