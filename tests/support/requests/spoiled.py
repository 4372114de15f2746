"""A document, once for each key of it that is spoiled, and what it holds beside the known keys.

`open` names the fields in which any key may stand: schemas and values.
"""

import json
from typing import Any


def variants(key: str) -> list[str]:
    """Other spellings that Go's encoding/json takes for the key."""
    spellings = {key.upper(), key.title(), key[0].upper() + key[1:]}
    spellings |= {key.replace("s", "\u017f", 1), key.replace("k", "\u212a", 1)}
    return sorted(spellings - {key})


def spoiled(tree: Any, open: tuple[str, ...], path: str = "") -> list[tuple[str, str]]:
    """The document once for every (place, key, variant): JSON text in which the variant stands."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            for name in variants(key):
                found.append((f"{path}{key} as {name!a}", json.dumps({**tree, name: value})))
            if key not in open:
                found += _put_back(tree, key, spoiled(value, open, f"{path}{key}."))
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in spoiled(item, open, path)]
    return found


def doubled(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The document once for every key, with that key standing twice."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            text = json.dumps(tree)
            found.append((path + key, f'{{"{key}":{json.dumps(value)},{text[1:]}'))
            found += _put_back(tree, key, doubled(value, f"{path}{key}."))
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in doubled(item, path)]
    return found


def _put_back(
    tree: dict[str, Any], key: str, inner: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Documents that differ from the tree below one key."""
    hole = json.dumps({**tree, key: "@"})
    return [(name, hole.replace('"@"', text)) for name, text in inner]


def unknown_keys(tree: Any, model: Any, open: tuple[str, ...]) -> set[str]:
    """Keys of the tree that do not stand at their place in the model."""
    if isinstance(tree, list) and isinstance(model, list):
        return set().union(*(unknown_keys(item, model[0], open) for item in tree))
    if not isinstance(tree, dict) or not isinstance(model, dict):
        return set()
    below = (
        unknown_keys(value, model[key], open)
        for key, value in tree.items()
        if key in model and key not in open
    )
    return (set(tree) - set(model)).union(*below)


def keys_of(tree: Any, open: tuple[str, ...]) -> set[str]:
    """All keys at any depth, but those in open fields."""
    if isinstance(tree, list):
        return set().union(*(keys_of(item, open) for item in tree))
    if not isinstance(tree, dict):
        return set()
    below = (keys_of(value, open) for key, value in tree.items() if key not in open)
    return set(tree).union(*below)
