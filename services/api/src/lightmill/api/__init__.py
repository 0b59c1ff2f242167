"""HTTP in: accounts, files, designs, submission, control and status."""
