"""Request bodies of which each is wrong in a way of its own."""

import json

from tests.support.callers import QUESTION

REST = '"messages": [{"role": "user", "content": "hi"}]'


def nested(opening: str, closing: str, depth: int = 10_000) -> str:
    return opening * depth + closing * depth


BODIES: dict[str, str | bytes] = {
    "empty": "",
    "white space": " \n\t",
    "not JSON": "{",
    "a word": "hello",
    "single quotes": "{'model': 'm'}",
    "after the end": f'{{"model": "m", {REST}}} {{}}',
    "two objects": f'{{"model": "m", {REST}}}{{"model": "gpt-oss:120b-cloud", {REST}}}',
    "a comma too many": f'{{"model": "m", {REST},}}',
    "a comment": f'{{"model": "m", /* x */ {REST}}}',
    "an array": "[]",
    "a string": '"model"',
    "null": "null",
    "a number": "5",
    "no messages": '{"model": "m"}',
    "empty messages": '{"model": "m", "messages": []}',
    "messages as text": '{"model": "m", "messages": "hi"}',
    "model as number": f'{{"model": 5, {REST}}}',
    "model as list": f'{{"model": ["m"], {REST}}}',
    "model with dots": f'{{"model": "../../etc/passwd", {REST}}}',
    "model with zero byte": f'{{"model": "m\\u0000", {REST}}}',
    "model with line end": f'{{"model": "m\\r\\nX: y", {REST}}}',
    "model of surrogates": f'{{"model": "\\ud800", {REST}}}',
    "stream as text": f'{{"model": "m", "stream": "true", {REST}}}',
    "stream as number": f'{{"model": "m", "stream": 1, {REST}}}',
    "cap as text": f'{{"model": "m", "max_tokens": "5", {REST}}}',
    "cap as fraction": f'{{"model": "m", "max_tokens": 5.5, {REST}}}',
    "cap of many digits": f'{{"model": "m", "max_tokens": {"9" * 5000}, {REST}}}',
    "cap beyond 64 bits": f'{{"model": "m", "max_tokens": {2**63}, {REST}}}',
    "NaN": f'{{"model": "m", "temperature": NaN, {REST}}}',
    "Infinity": f'{{"model": "m", "temperature": Infinity, {REST}}}',
    "-Infinity": f'{{"model": "m", "temperature": -Infinity, {REST}}}',
    "a huge number": f'{{"model": "m", "temperature": 1e999, {REST}}}',
    "a number with zeros": f'{{"model": "m", "seed": 007, {REST}}}',
    "no role": '{"model": "m", "messages": [{"content": "hi"}]}',
    "role as number": '{"model": "m", "messages": [{"role": 1, "content": "hi"}]}',
    "content as object": '{"model": "m", "messages": [{"role": "user", "content": {}}]}',
    "twice": f'{{"model": "m", "model": "gpt-oss:120b-cloud", {REST}}}',
    "twice below": '{"model": "m", "messages": [{"role": "user", "role": "system"}]}',
    "twice escaped": f'{{"model": "m", "mod\\u0065l": "gpt-oss:120b-cloud", {REST}}}',
    "folded": f'{{"model": "m", "Model": "gpt-oss:120b-cloud", {REST}}}',
    "folded alone": f'{{"MODEL": "gpt-oss:120b-cloud", {REST}}}',
    "folded long s": f'{{"model": "m", "\u017ftream": true, {REST}}}',
    "folded Kelvin": f'{{"model": "m", "max_to\u212aens": -1, {REST}}}',
    "folded below": '{"model": "m", "messages": [{"role": "user", "Content": "hi"}]}',
    "folded options": f'{{"model": "m", "Stream_Options": {{}}, {REST}}}',
    "deep arrays": nested("[", "]"),
    "deep objects": nested('{"a":', "}")[:-10_000] + "1" + "}" * 10_000,
    "deep in a tool": '{"model": "m", "tools": [{"type": "function", "function": {"name": "f",'
    f' "parameters": {{"a": {nested("[", "]")}}}}}}}], {REST}}}',
    "deep in an unknown key": f'{{"model": "m", "x": {nested("[", "]")}, {REST}}}',
    "UTF-8 cut off": b'{"model": "m\xc3"}',
    "UTF-8 surrogates": b'{"model": "\xed\xa0\x80"}',
    "UTF-8 too long": b'{"model": "\xc0\xaf"}',
    "Latin-1": '{"model": "mü"}'.encode("latin-1"),
    "UTF-16": json.dumps(QUESTION).encode("utf-16"),
    "UTF-8 with a mark": json.dumps(QUESTION).encode("utf-8-sig"),
    "zero bytes": b"\0" * 100,
    "a form": b"model=m&messages=hi",
}  # fmt: skip
