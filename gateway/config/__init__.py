"""Settings and what they need: one table, values, secret files, optional packages."""
