"""Checks of the public address, made as a website's visitor reaches it: from outside."""
