"""An Open Job Description job as clients send it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lightmill.api.core.bodies import (
    Body,
    Files,
    Identifier,
    Name,
    Priority,
)
from lightmill.api.core.job_bodies import Names, NeedsBody, RetryBody, TimesBody
from lightmill.api.core.openjd_template import read_yaml
from lightmill.api.core.problem import invalid
from lightmill.domain.job import DEFAULT_PRIORITY, Json
from lightmill.domain.resources import Needs

_LONGEST_TEMPLATE = 200_000
_MOST_PARAMETERS = 1000

Text = Annotated[str, Field(max_length=_LONGEST_TEMPLATE)]


class PathMappingBody(Body):
    """A folder of the submitter's machine that is the bundle."""

    format: Literal["POSIX", "WINDOWS"]
    source: str = Field(min_length=1, max_length=1024, examples=["C:\\Shots\\12"])


class OpenJdBody(Body):
    """An Open Job Description template (2023-09) with what it leaves out.

    `template` and `parameter_values` are the files of a job bundle, as text or as what they say.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "template": {
                        "specificationVersion": "jobtemplate-2023-09",
                        "name": "Hello",
                        "steps": [
                            {
                                "name": "Say",
                                "script": {
                                    "actions": {"onRun": {"command": "echo", "args": ["hello"]}}
                                },
                            }
                        ],
                    },
                    "parameters": {},
                }
            ]
        }
    )

    template: Text | dict[str, Json]
    parameters: dict[str, str | int | float | bool] = Field(
        default_factory=dict, max_length=_MOST_PARAMETERS
    )
    parameter_values: Text | dict[str, Json] | None = None
    path_mapping: list[PathMappingBody] = Field(default_factory=list, max_length=20)
    name: Name | None = None
    bundle_id: Identifier | None = None
    files: Files | None = None
    format: Literal["ZIP", "PNG", "JPEG", "OPEN_EXR", "TIFF"] = Field(
        default="ZIP", description="ZIP of what a task has written, or the image that it wrote"
    )
    priority: Priority = DEFAULT_PRIORITY
    needs: NeedsBody = Field(default_factory=NeedsBody)
    chunk: int | None = Field(default=None, ge=1, le=10_000)
    time_limits: TimesBody = Field(default_factory=TimesBody)
    limits: Names = Field(
        default_factory=list, description="Farm-wide limits that it counts against"
    )
    retry: RetryBody = Field(default_factory=RetryBody)
    pool: Name | None = None
    user_label: Name | None = None

    def stated_needs(self) -> Needs:
        """Return what steps need that say nothing themselves.

        Raises:
            ProblemError: they name hardware profiles; here hostRequirements say what is needed.
        """
        if self.needs.hardware_config_ids:
            raise invalid("needs/hardware_config_ids", "is not for templates; state the needs")
        plain = self.needs.model_dump(exclude={"hardware_config_ids", "tags", "pool"})
        pool = self.needs.pool or self.pool
        return Needs(**plain, pool=pool, tags=tuple(dict.fromkeys(self.needs.tags)))

    def read_template(self) -> Json:
        """Return what the template says.

        Raises:
            ProblemError: it is no YAML.
        """
        if isinstance(self.template, str):
            return read_yaml("template", self.template)
        return self.template

    def read_parameters(self) -> dict[str, str]:
        """Return the values of the bundle's file, and over them those that were given.

        Raises:
            ProblemError: the file is none.
        """
        given = {name: _text(value) for name, value in self.parameters.items()}
        found = self.parameter_values
        document = read_yaml("parameter_values", found) if isinstance(found, str) else found
        return {**_listed(document), **given}


def _listed(document: Json) -> dict[str, str]:
    """Return the values of a bundle's file, but for those of farms, as `deadline:priority`."""
    if document is None:
        return {}
    entries = document.get("parameterValues") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise invalid("parameter_values", "has to have a list parameterValues: name and value")
    values = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise invalid("parameter_values", "has an entry without a name")
        values[str(entry["name"])] = _text(entry.get("value"))
    return {name: value for name, value in values.items() if ":" not in name}


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
