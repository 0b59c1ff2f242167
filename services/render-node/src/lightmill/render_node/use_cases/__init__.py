"""What the node does: obey orders, render attempts, deliver frames, keep a session."""
