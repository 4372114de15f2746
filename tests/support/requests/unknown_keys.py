"""What a document holds that its model does not."""

from typing import Any


def unknown_keys(tree: Any, model: Any) -> set[str]:
    """Keys of the tree that do not stand at their place in FULL."""
    if isinstance(tree, list) and isinstance(model, list):
        return set().union(*(unknown_keys(item, model[0]) for item in tree))
    if not isinstance(tree, dict) or not isinstance(model, dict) or not model:
        return set()  # a leaf, or a schema, in which any key may stand
    below = (unknown_keys(value, model[key]) for key, value in tree.items() if key in model)
    return (set(tree) - set(model)).union(*below)
