"""Signatures held against Amazon's own example and the SDK's."""

from urllib.parse import parse_qs, urlsplit

import pytest
from minio import Minio

from lightmill.storage.objects.presigned import holding

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105  # of Amazon's example
EXAMPLE = (
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
)


def signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


def test_amazons_example_is_signed_as_amazon_signs_it() -> None:
    assert signature(holding(EXAMPLE, "GET", {}, SECRET)) == (
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize(
    "name", ["a.png", "a b/c+d%20.png", "szene/場景.blend", "a/~!$&'()=@:;,.png"]
)
def test_without_headers_a_url_stays_as_the_sdk_signed_it(name: str) -> None:
    client = Minio(endpoint="s3:8333", access_key="farm", secret_key="s", region="eu-central-1")  # noqa: S106  # invented
    url = client.get_presigned_url(method="PUT", bucket_name="mill", object_name=name)
    assert signature(holding(url, "PUT", {}, "s")) == signature(url)
    assert urlsplit(holding(url, "PUT", {}, "s")).path == urlsplit(url).path


def test_a_header_is_named_and_changes_the_signature() -> None:
    frugal = holding(EXAMPLE, "PUT", {"x-amz-storage-class": "STANDARD_IA"}, SECRET)
    other = holding(EXAMPLE, "PUT", {"x-amz-storage-class": "GLACIER_IR"}, SECRET)
    assert parse_qs(urlsplit(frugal).query)["X-Amz-SignedHeaders"] == ["host;x-amz-storage-class"]
    assert signature(frugal) != signature(other)
