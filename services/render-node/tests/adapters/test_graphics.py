"""Which graphics devices a machine has, from recorded answers: no such device was at hand."""

from pathlib import Path
from types import SimpleNamespace

from lightmill.domain.resources import GIB, Gpu
from lightmill.render_node.adapters.graphics import by_nvml, by_sysfs, gpus_from

RECORDED = (("NVIDIA RTX 6000 Ada Generation", 51527024640), (b"Tesla T4", 16106127360))


class NvmlError(Exception):
    pass


class Nvml:
    """Answers as `pynvml` does."""

    NVMLError = NvmlError

    def __init__(self, *, driver: bool = True) -> None:
        self.open = 0
        self._driver = driver

    def nvmlInit(self) -> None:  # noqa: N802  # the library's name
        if not self._driver:
            raise NvmlError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802  # likewise
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802  # likewise
        return len(RECORDED)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802  # likewise
        return index

    def nvmlDeviceGetName(self, device: int) -> str | bytes:  # noqa: N802  # likewise
        return RECORDED[device][0]

    def nvmlDeviceGetMemoryInfo(self, device: int) -> SimpleNamespace:  # noqa: N802  # likewise
        return SimpleNamespace(total=RECORDED[device][1])


def card(drm: Path, name: str, **files: str) -> None:
    device = drm / name / "device"
    device.mkdir(parents=True)
    for file, text in files.items():
        (device / file).write_text(f"{text}\n")


def test_nvidias_library_tells_its_devices_and_is_closed() -> None:
    library = Nvml()
    assert by_nvml(library) == (
        Gpu(index=0, name="NVIDIA RTX 6000 Ada Generation", vendor="nvidia", vram=51527024640),
        Gpu(index=1, name="Tesla T4", vendor="nvidia", vram=16106127360),
    )
    assert library.open == 0


def test_without_the_library_or_its_driver_there_are_none() -> None:
    assert by_nvml(None) == ()
    assert by_nvml(Nvml(driver=False)) == ()


def test_devices_are_read_from_the_program() -> None:
    listing = "0, NVIDIA RTX 6000, 49140\n1, NVIDIA T4, 15360\nNo devices were found\n"
    assert gpus_from(listing) == (
        Gpu(index=0, name="NVIDIA RTX 6000", vendor="nvidia", vram=49140 * 2**20),
        Gpu(index=1, name="NVIDIA T4", vendor="nvidia", vram=15360 * 2**20),
    )


def test_devices_of_amd_are_what_the_kernel_shows(tmp_path: Path) -> None:
    large, small = str(24 * GIB), str(16 * GIB)
    card(tmp_path, "card10", vendor="0x1002", device="0x73bf", mem_info_vram_total=small)
    card(
        *(tmp_path, "card2"),
        vendor="0x1002",
        device="0x744c",
        mem_info_vram_total=large,
        product_name="Radeon PRO W7900",
    )
    card(tmp_path, "card0", vendor="0x8086", device="0x56a0", lmem_total_bytes=small)
    (tmp_path / "card2-DP-1").mkdir()
    (tmp_path / "renderD128").mkdir()
    assert by_sysfs(tmp_path) == (
        Gpu(index=0, name="Radeon PRO W7900", vendor="amd", vram=24 * GIB),
        Gpu(index=1, name="0x73bf", vendor="amd", vram=16 * GIB),
    )


def test_a_device_of_intel_counts_where_it_has_memory_of_its_own(tmp_path: Path) -> None:
    card(tmp_path, "card0", vendor="0x8086", device="0x4680")
    card(tmp_path, "card1", vendor="0x8086", device="0x56a0", lmem_total_bytes=str(16 * GIB))
    assert by_sysfs(tmp_path) == (Gpu(index=0, name="0x56a0", vendor="intel", vram=16 * GIB),)


def test_a_part_of_the_processor_and_what_nobody_knows_are_no_devices(tmp_path: Path) -> None:
    card(tmp_path, "card0", vendor="0x1002", device="0x1638", mem_info_vram_total=str(2**29))
    card(tmp_path, "card1", vendor="0x1a03", device="0x2000")
    card(tmp_path, "card2", vendor="0x1002", mem_info_vram_total="none")
    assert by_sysfs(tmp_path) == ()
    assert by_sysfs(tmp_path / "absent") == ()
