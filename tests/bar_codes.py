"""A film for a browser's fake camera whose every frame tells its number, and how to read it again."""

import numpy as np

BITS = 8
FRAMES = 1 << BITS  # then it begins again
SIZE = (160, 90)  # px
BLACK, WHITE = 16, 235  # luma
ROW = 0.36  # of the height: the middle of the bars
MIDDLES = (np.arange(BITS) + 0.5) / BITS  # of the bars, of the width


def write_film(path, *, rate=30):
    """Write YUV4MPEG2, which Chromium shows as if it were a camera."""
    width, height = SIZE
    lit = np.arange(FRAMES)[:, None] >> np.arange(BITS) & 1
    bars = np.where(np.repeat(lit, width // BITS, axis=1), WHITE, BLACK).astype(np.uint8)
    luma = np.full((FRAMES, height, width), 110, np.uint8)
    luma[:, height // 9 : 6 * height // 10] = bars[:, None]
    grey = bytes(b"\x80" * (width * height // 2))
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in luma:
            file.write(b"FRAME\n" + picture.tobytes() + grey)


def number_in(rgb):
    """The number that a picture shows, whatever its size."""
    height, width = rgb.shape[:2]
    red = rgb[int(ROW * height), (MIDDLES * width).astype(int), 0]
    return int(((red > 128) << np.arange(BITS)).sum())


def steps(numbers):
    """How far each number lies after the one before; half a round and more is a step back."""
    return (np.diff(numbers) + FRAMES // 2) % FRAMES - FRAMES // 2
