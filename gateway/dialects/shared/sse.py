"""Server-sent events: read the data of one, and write one.

The format is that of the HTML standard, "Parsing an event stream": an event is lines of `field:
value`, a blank after the colon is no part of the value, and the lines of `data` are one text. Its
`event`, `id` and `retry`, and comments, which begin with a colon, say nothing that is needed here:
the JSON in the data names its kind.
"""

_BOM = b"\xef\xbb\xbf"  # may stand before the first event of a stream


def data(event: bytes) -> bytes:
    """What one event says: its lines of `data`, joined; b"" where it has none. `event` may have any
    line ends, and comes without the empty line that ends it."""
    lines = event.removeprefix(_BOM).splitlines()  # of bytes: at CR LF, LF and CR only
    if len(lines) == 1 and lines[0].startswith(b"data: "):  # nearly each event
        return lines[0][6:]
    values: list[bytes] = []
    for line in lines:
        field, _, value = line.partition(b":")
        if field == b"data":
            values.append(value.removeprefix(b" "))
    return b"\n".join(values)


def write(data: bytes, name: bytes = b"") -> bytes:
    """An event with these data, which are one line, and with a name if one is given."""
    event = b"data: " + data + b"\n\n"
    return b"event: " + name + b"\n" + event if name else event
