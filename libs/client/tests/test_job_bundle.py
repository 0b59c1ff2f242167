"""What is sent of a job bundle."""

from pathlib import Path

import pytest

from lightmill.client.job_bundle import BundleError, job_bundle


def test_template_and_values_go_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("name: x")
    (tmp_path / "parameter_values.yaml").write_text("parameterValues: []")
    told = job_bundle(tmp_path)
    assert told["template"] == "name: x"
    assert told["parameter_values"] == "parameterValues: []"
    assert told["path_mapping"] == [{"format": "POSIX", "source": str(tmp_path.resolve())}]


def test_json_is_a_template_too(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text("{}")
    assert job_bundle(tmp_path)["template"] == "{}"


def test_a_folder_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no template\.yaml"):
        job_bundle(tmp_path)
