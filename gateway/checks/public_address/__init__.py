"""The public address, as a website's visitor reaches it: from outside in."""
