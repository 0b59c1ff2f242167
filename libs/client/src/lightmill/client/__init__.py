"""The Python client and the `lightmill` command."""

from lightmill.client.errors import FarmError, FarmUnreachableError, JobFailedError, RefusedError
from lightmill.client.farm import Farm

__all__ = ["Farm", "FarmError", "FarmUnreachableError", "JobFailedError", "RefusedError"]
