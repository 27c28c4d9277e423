"""A packet once more, under another number: of a recording, or of the seconds that have just passed."""

from vergence.server.protocol import HEADER, Flag


def restamped(
    data: bytes, *, sequence: int, source: int | None = None, time_us: int | None = None, is_still: bool = False
) -> bytes:
    """The packet with another sequence in its header; its checksum, which is not of the header, stays right.

    Args:
        data: a packet that `protocol.parse` takes.
        sequence: its new number.
        source, time_us: None leaves them.
        is_still: say that nothing follows it.
    """
    magic, major, kind, flags, old_source, head, _, old_time, payload_bytes, crc = HEADER.unpack_from(data)
    flags = flags | Flag.STILL if is_still else flags & ~Flag.STILL
    header = HEADER.pack(
        magic, major, kind, flags, old_source if source is None else source, head, sequence & 0xFFFFFFFF,
        old_time if time_us is None else time_us, payload_bytes, crc,
    )  # fmt: skip
    return header + data[HEADER.size :]


def time_of(data: bytes) -> int:
    """When the picture of a packet was taken, µs."""
    return int(HEADER.unpack_from(data)[7])
