"""The whole farm in one process, on embedded parts."""
