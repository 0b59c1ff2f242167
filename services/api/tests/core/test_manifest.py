from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core.manifest import require_paths
from lightmill.api.core.problem import ProblemError
from lightmill.domain.bundle_paths import path_fault


@given(st.text(alphabet=st.sampled_from("ab./\\: C\0\n"), max_size=12))
def test_a_path_that_passes_stays_in_its_folder_everywhere(path: str) -> None:
    if path_fault(path) is None:
        for kind in (PurePosixPath, PureWindowsPath):
            pure = kind(path)
            assert not pure.is_absolute()
            assert not pure.drive
            assert ".." not in pure.parts


@pytest.mark.parametrize("path", ["a", "a/b.png", "贴图/木头.jpg", ".hidden", "a..b", "a b/c"])
def test_usual_paths_pass(path: str) -> None:
    require_paths([path])


@pytest.mark.parametrize(
    "paths",
    [
        ["a/b", "A/B"],
        ["a", "a/b"],
        ["A/b", "a"],
        ["ß", "ss"],
        ["e\u0301", "\u00e9"],
        ["x", "LPT1.txt"],
    ],
)
def test_paths_that_collide_somewhere_are_refused(paths: list[str]) -> None:
    with pytest.raises(ProblemError):
        require_paths(paths)
