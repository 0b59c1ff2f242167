"""Where state is kept: SQL, the status cache, and the object store."""
