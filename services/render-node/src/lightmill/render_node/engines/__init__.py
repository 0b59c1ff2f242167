"""What renders: one module an engine, and everything about processes written once."""
