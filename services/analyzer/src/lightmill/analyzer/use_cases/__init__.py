"""What the analyzer does when it is asked."""
