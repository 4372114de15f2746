"""What every other part may import: errors, keys, model names, decoding."""
