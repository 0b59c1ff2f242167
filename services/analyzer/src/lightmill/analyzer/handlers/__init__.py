"""The queue of requests, and the look for those that it lost."""
