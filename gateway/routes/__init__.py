"""Litestar routes. Each file holds the handlers of one audience; the work is done elsewhere."""
