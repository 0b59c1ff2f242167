"""Object stores: S3 and a folder."""
