"""Models that Ollama downloads for a caller."""
