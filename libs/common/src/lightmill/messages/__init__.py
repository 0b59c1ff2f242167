"""What the services say to each other: the wire contract, one message a file."""
