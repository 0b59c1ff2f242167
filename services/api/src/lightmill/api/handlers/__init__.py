"""HTTP in: one module a resource; each turns a request into one use case or query."""
