"""Plain reads, each scoped by the tenant of who asks."""
