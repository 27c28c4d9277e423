"""Headers of PLY files (Turk, "The PLY Polygon File Format", 1994): what a file says it holds, believed only as far as
the file reaches."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from vergence.errors import FormatError, MediaError

ENDIANS = {"binary_little_endian": "<", "binary_big_endian": ">"}
SCALARS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
LONGEST_LINE, MOST_LINES = 1024, 1024  # of a header; longer ones are no PLY


@dataclass(frozen=True)
class Element:
    """One kind of record of a PLY file.

    Attributes:
        name: such as "vertex" or "face".
        count: how many of it the header promises.
        dtype: one record; None where its size is not fixed (lists), its kinds of number are unknown, or
            there is nothing in it.
    """

    name: str
    count: int
    dtype: np.dtype[Any] | None

    @property
    def nbytes(self) -> int:
        """Its size in the file, bytes; of a known dtype only."""
        assert self.dtype is not None
        return self.count * self.dtype.itemsize


def read_elements(file: IO[bytes], path: Path) -> tuple[Element, ...]:
    """Read up to the end of a binary header; `file` then stands at the first record.

    Raises:
        MediaError: the header has no end.
        FormatError: it is no PLY, is written as text, or a count is no number.
    """
    lines = _lines(file, path)
    kind = next((words[1] for words in lines if words[0] == "format" and len(words) == 3), "")
    if kind not in ENDIANS:
        raise FormatError(f"{path} is PLY of format {kind or 'unknown'!r}; convert it to binary_little_endian first")
    starts = [at for at, words in enumerate(lines) if words[0] == "element"]
    elements = []
    for start, end in pairwise([*starts, len(lines)]):
        try:
            _, name, word = lines[start]
            count = int(word)
            if count < 0:
                raise ValueError(f"{count} of them")
        except ValueError as error:
            raise FormatError(f"{path} has elements of a kind that is not read ({error})") from error
        properties = [words[1:] for words in lines[start + 1 : end] if words[0] == "property"]
        elements.append(Element(name, count, _dtype(properties, ENDIANS[kind])))
    return tuple(elements)


def _dtype(properties: list[list[str]], endian: str) -> np.dtype[Any] | None:
    if not properties:
        return None
    try:
        return np.dtype([(name, endian + SCALARS[scalar]) for scalar, name in properties])
    except (KeyError, ValueError):  # lists have more words, and two fields of a name make no dtype
        return None


def _lines(file: IO[bytes], path: Path) -> list[list[str]]:
    lines: list[list[str]] = []
    for _ in range(MOST_LINES):
        line = file.readline(LONGEST_LINE)
        words = line.decode("ascii", "replace").split()
        if not lines and words != ["ply"]:
            raise FormatError(f"{path} is not a PLY file: it does not begin with the word ply")
        if words == ["end_header"]:
            return lines
        if not line.endswith(b"\n"):
            break
        if words:
            lines.append(words)
    raise MediaError(f"{path} is damaged: its header has no end; get a whole copy")
