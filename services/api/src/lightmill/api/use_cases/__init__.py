"""What a bearer may do; each takes the principal first."""
