"""What the node holds and may start, as pure state."""
