import pytest

from lightmill.client.cli.exits import exit_code
from lightmill.client.errors import (
    FarmError,
    FarmUnreachableError,
    JobFailedError,
    NotLoggedInError,
    RefusedError,
)
from lightmill.client.folder import FolderError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (JobFailedError("1", "FAILED", None), 1),
        (NotLoggedInError(), 3),
        (RefusedError(401, "Unauthorized"), 3),
        (RefusedError(403, "Forbidden"), 3),
        (RefusedError(404, "Not Found"), 4),
        (RefusedError(422, "Unprocessable Content"), 5),
        (FolderError("empty"), 5),
        (RefusedError(500, "Internal Server Error"), 6),
        (FarmUnreachableError("http://farm", "refused"), 6),
    ],
)
def test_every_error_has_the_exit_code_that_is_documented(error: FarmError, code: int) -> None:
    assert exit_code(error) == code
