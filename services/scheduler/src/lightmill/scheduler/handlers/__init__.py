"""Messages in, facts out."""
