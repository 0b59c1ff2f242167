"""Jobs, steps, tasks, attempts and nodes, and the rules of their lives. Pure."""
