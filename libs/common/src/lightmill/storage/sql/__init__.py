"""SQL: MySQL and SQLite under one schema."""
