"""The checks of `localllm doctor`, by subject. None of them changes anything."""
