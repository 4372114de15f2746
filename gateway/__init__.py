"""localllm: keys, token quotas and rate limits in front of the model on your own machine."""
