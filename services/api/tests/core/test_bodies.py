"""What a body may hold."""

import pytest
from pydantic import BaseModel, ValidationError

from lightmill.api.core.bodies import DesignJobBody, TaskBody
from lightmill.api.core.job_bodies import JobBody


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (JobBody, {"name": "n", "frames": "1"}),
        (TaskBody, {"frames": "1"}),
        (DesignJobBody, {"designId": "d"}),
    ],
)
def test_settings_are_no_longer_than_every_order_can_carry(
    body: type[BaseModel], rest: dict[str, object]
) -> None:
    body.model_validate({**rest, "settings": {"text": "x" * 200_000}})
    with pytest.raises(ValidationError, match="settings"):
        body.model_validate({**rest, "settings": {"text": "x" * 300_000}})
