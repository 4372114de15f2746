"""The file of the outbox: fixed-size records, each written before its request is served.

A record is rewritten in place as the answer grows, so a settlement never needs more disk: a disk
that fills up later loses nothing. Whatever a record holds when the gateway dies is what is settled
at the next start. Each process has a file of its own, locked; files of dead processes are adopted.

Record: 1 byte used/free, 2 bytes length, 4 bytes CRC-32, msgpack of a Settlement, zero padding.
The files end in `.slots`, a name of earlier versions whose files are still read.
"""

import os
import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import fasteners
import msgspec

from gateway.stores import Settlement
from tunnel import private_files

RECORD_SIZE = 1024
_HEAD = struct.Struct(">BHI")
_FREE = bytes(_HEAD.size)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Settlement).decode


class OutboxFile:
    """This process's own file. `left`: the records of earlier processes, by their index."""

    def __init__(self, folder: Path) -> None:
        """Claim the first file that no living process holds, and adopt what dead processes left.
        OSError: the disk cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.left: dict[int, Settlement] = {}
        self._free: list[int] = []
        self._size = 0  # records in the file
        path, self._lock = _claim(folder)
        self._file = _open(path)
        for index, found in enumerate(_records(self._file.read())):
            self._size = index + 1
            if found is None:
                self._free.append(index)
            else:
                self.left[index] = found
        for other in sorted(folder.glob("*.slots")):
            if other != path:
                self._adopt(other)

    def _adopt(self, path: Path) -> None:
        lock = private_files.lock(path.with_suffix(".lock"))
        if not lock.acquire(blocking=False):
            return
        try:
            if not path.exists():  # another process was faster
                return
            for found in _records(path.read_bytes()):
                if found is not None:
                    self.left[self.add(found)] = found
            self.sync()
            path.unlink()
        finally:
            lock.release()

    def add(self, settlement: Settlement) -> int:
        """Write a new record; its index. OSError: there is no room on the disk."""
        index = self._free.pop() if self._free else self._size
        try:
            self.write(index, settlement)
        except OSError:
            if index < self._size:
                self._free.append(index)
            raise
        self._size = max(self._size, index + 1)
        return index

    def has_room(self) -> bool:
        """Whether another record can be written. Room for one is taken, to be used later."""
        if self._free:
            return True
        try:
            self._put(self._size, _FREE.ljust(RECORD_SIZE, b"\0"))
        except OSError:
            return False
        self._free.append(self._size)
        self._size += 1
        return True

    def write(self, index: int, settlement: Settlement) -> None:
        """Replace what the record holds. OSError: the disk cannot be used."""
        payload = _encode(settlement)
        head = _HEAD.pack(1, len(payload), zlib.crc32(payload))
        self._put(index, (head + payload).ljust(RECORD_SIZE, b"\0"))

    def free(self, index: int) -> None:
        """Let the record be used again. OSError: it will be found again at the next start."""
        self._free.append(index)
        self._put(index, _FREE)

    def _put(self, index: int, data: bytes) -> None:
        if self._file.closed:
            raise OSError("the gateway has stopped")
        if _write_at(self._file.fileno(), data, index * RECORD_SIZE) != len(data):
            raise OSError("the disk is full")

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        self._lock.release()


def _seek_and_write(file: int, data: bytes, offset: int) -> int:
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, data)


_write_at: Callable[[int, bytes, int], int] = getattr(os, "pwrite", _seek_and_write)  # not Windows


def left_in(folder: Path) -> tuple[int, datetime | None]:
    """How many requests the files of a folder hold, and when the oldest began. OSError."""
    found = [one for file in folder.glob("*.slots") for one in _records(file.read_bytes()) if one]
    return len(found), min((one.authorized_at for one in found if one.authorized_at), default=None)


def _claim(folder: Path) -> tuple[Path, fasteners.InterProcessLock]:
    number = 0
    while True:
        lock = private_files.lock(folder / f"{number:03}.lock")
        if lock.acquire(blocking=False):
            return folder / f"{number:03}.slots", lock
        number += 1


def _open(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)


def _records(data: bytes) -> list[Settlement | None]:
    """Every record of a file; None where it is free, or was torn while it was first written."""
    found: list[Settlement | None] = []
    for start in range(0, len(data) - len(data) % RECORD_SIZE, RECORD_SIZE):
        used, length, crc = _HEAD.unpack_from(data, start)
        payload = data[start + _HEAD.size : start + _HEAD.size + length]
        good = used == 1 and length <= RECORD_SIZE - _HEAD.size and zlib.crc32(payload) == crc
        try:
            found.append(_decode(payload) if good else None)
        except msgspec.DecodeError:
            found.append(None)
    return found
