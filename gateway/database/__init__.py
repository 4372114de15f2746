"""A database, opened, migrated and supervised."""
