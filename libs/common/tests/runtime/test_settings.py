from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from lightmill.runtime.installation.config import InstallationSettings
from lightmill.runtime.secrets import weakness
from lightmill.runtime.settings import Settings, read

GOOD = "kJ8-x2Wq_7rT4m"


@pytest.mark.parametrize(
    "weak",
    [
        "",
        "guest",
        "password",
        "admin",
        "6653145",
        "changeme",
        "minioadmin",
        "MinioAdmin",
        "short-one",
        "changemechangeme",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
    ],
)
def test_weak_secrets_are_refused(weak: str) -> None:
    assert weakness(SecretStr(weak)) is not None


def test_a_random_secret_is_taken_and_a_missing_one_is_not() -> None:
    assert weakness(SecretStr(GOOD)) is None
    assert weakness(None) == "is missing"


@pytest.mark.parametrize(
    ("address", "url", "password"),
    [
        (
            "database_url",
            "mysql+asyncmy://lightmill_api@mysql:3306/lightmill",
            "database_password",
        ),
        ("amqp_url", "amqp://lightmill_api@rabbitmq:5672/lightmill", "amqp_password"),
        ("redis_url", "redis://redis:6379/0", "redis_password"),
    ],
)
def test_a_part_needs_a_password_and_the_message_tells_where_to_put_it(
    address: str, url: str, password: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({address: url})
    assert f"LIGHTMILL_{password.upper()} is missing" in str(caught.value)
    assert f"/run/secrets/lightmill_{password}" in str(caught.value)
    Settings.model_validate({address: url, password: GOOD})


def test_the_object_store_needs_both_keys() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(s3_endpoint="http://s3:8333")
    assert "LIGHTMILL_S3_ACCESS_KEY" in str(caught.value)
    assert "LIGHTMILL_S3_SECRET_KEY" in str(caught.value)
    Settings(
        s3_endpoint="http://s3:8333",
        s3_access_key=SecretStr("farm"),
        s3_secret_key=SecretStr(GOOD),
    )


def test_a_file_database_needs_no_password() -> None:
    assert Settings(database_url="sqlite+aiosqlite:///farm.db").database_password is None


def test_a_password_inside_a_url_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(amqp_url=f"amqp://api:{GOOD}@rabbitmq/lightmill")
    assert "move it to" in str(caught.value)
    assert GOOD not in str(caught.value)


def test_a_refusal_shows_no_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(redis_url="redis://redis", redis_password=SecretStr("hunter2"))
    assert "hunter2" not in str(caught.value)


def test_settings_come_from_the_environment_and_from_secret_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIGHTMILL_REDIS_URL", "redis://redis:6379/0")
    (tmp_path / "lightmill_redis_password").write_text(GOOD)
    settings = read(Settings, secrets=tmp_path)
    assert settings.redis_password == SecretStr(GOOD)


def test_a_service_ends_with_the_remedy_and_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIGHTMILL_REDIS_URL", "redis://redis:6379/0")
    monkeypatch.setenv("LIGHTMILL_REDIS_PASSWORD", "changeme")
    with pytest.raises(SystemExit) as caught:
        read(Settings)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "LIGHTMILL_REDIS_PASSWORD is one that everybody knows; put a random one into" in told
    assert "changeme" not in told


def test_set_up_refuses_to_hand_out_weak_passwords() -> None:
    with pytest.raises(ValidationError) as caught:
        InstallationSettings(
            amqp_url="amqp://lightmill_setup@rabbitmq/lightmill", amqp_password=SecretStr(GOOD)
        )
    assert "LIGHTMILL_AMQP_NODE_PASSWORD is missing" in str(caught.value)
    assert "DATABASE" not in str(caught.value)
