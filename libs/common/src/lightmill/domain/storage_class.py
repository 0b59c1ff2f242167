"""What kinds of storage an object may lie in."""

from enum import StrEnum


class StorageClass(StrEnum):
    """S3's names, of those classes whose objects can be read at once.

    GLACIER and DEEP_ARCHIVE are none of them: an image there cannot be shown before somebody has
    had it restored. (EXPRESS_ONEZONE, OUTPOSTS and SNOW belong to a bucket, not to an object.)
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """

    STANDARD = "STANDARD"
    REDUCED_REDUNDANCY = "REDUCED_REDUNDANCY"
    STANDARD_IA = "STANDARD_IA"
    ONEZONE_IA = "ONEZONE_IA"
    INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
    GLACIER_IR = "GLACIER_IR"
