"""Status caches: Redis and a dictionary."""
