"""What `localllm doctor` looks at, by what is looked at. Nothing here changes anything."""
