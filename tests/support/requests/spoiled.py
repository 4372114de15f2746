"""A document, once for each key of it that is spoiled."""

import json
from typing import Any


def variants(key: str) -> list[str]:
    """Other spellings that Go's encoding/json takes for the key."""
    spellings = {key.upper(), key.title(), key[0].upper() + key[1:]}
    spellings |= {key.replace("s", "\u017f", 1), key.replace("k", "\u212a", 1)}
    return sorted(spellings - {key})


def spoiled(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The document once for every (place, key, variant): JSON text in which the variant stands."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            for name in variants(key):
                rest = json.dumps({**tree, name: value})
                found.append((f"{path}{key} as {name!a}", rest))
            if path.endswith(("schema.", "parameters.")):
                continue
            found += [
                (name, json.dumps({**tree, key: "@"}).replace('"@"', inner))
                for name, inner in spoiled(value, f"{path}{key}.")
            ]
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in spoiled(item, path)]
    return found


def doubled(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The document once for every key, with that key standing twice."""
    found: list[tuple[str, str]] = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            text = json.dumps(tree)
            found.append((path + key, f'{{"{key}":{json.dumps(value)},{text[1:]}'))
            found += [
                (name, json.dumps({**tree, key: "@"}).replace('"@"', inner))
                for name, inner in doubled(value, f"{path}{key}.")
            ]
    elif isinstance(tree, list):
        for item in tree:
            found += [(name, f"[{inner}]") for name, inner in doubled(item, path)]
    return found
