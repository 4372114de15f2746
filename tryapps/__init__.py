"""`scripts/try-apps`: real programs, a real gateway, and a scripted model."""
