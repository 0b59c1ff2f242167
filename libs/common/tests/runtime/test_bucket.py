import asyncio

import minio
import pytest
import urllib3

from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.testing.containers import S3Server


async def http(method: str, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    return await asyncio.to_thread(urllib3.request, method, url, headers=headers)


@pytest.mark.backing
async def test_the_bucket_is_made_once_with_cors_and_tidied(s3_server: S3Server) -> None:
    for _ in range(2):
        await prepare_bucket(
            endpoint=s3_server.endpoint,
            access_key=s3_server.access_key,
            secret_key=s3_server.secret_key,
            region="us-east-1",
            bucket="prepared",
            origins=["https://farm.example"],
        )
    client = minio.Minio(
        endpoint=s3_server.endpoint.removeprefix("http://"),
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
        region="us-east-1",
        secure=False,
    )
    config = client.get_bucket_lifecycle(bucket_name="prepared")
    assert config is not None
    (rule,) = config.rules
    assert rule.abort_incomplete_multipart_upload is not None
    assert rule.abort_incomplete_multipart_upload.days_after_initiation == 14
    url = client.get_presigned_url(method="PUT", bucket_name="prepared", object_name="a/b")
    asked = {"Origin": "https://farm.example", "Access-Control-Request-Method": "PUT"}
    answer = await http("OPTIONS", url, asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://farm.example"
    other = await http("OPTIONS", url, asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.backing
async def test_a_wrong_secret_makes_no_bucket(s3_server: S3Server) -> None:
    with pytest.raises(minio.error.S3Error):
        await prepare_bucket(
            endpoint=s3_server.endpoint,
            access_key=s3_server.access_key,
            secret_key="a-wrong-secret-key",  # noqa: S106  # that is the test
            region="us-east-1",
            bucket="refused",
            origins=["*"],
        )
