"""The visible strip of a surface beside a hole, followed from one frame of a shot into another.

A strip is up to `MOST_POINTS` pixels (n, 6): x, y in the full picture, level, its slope along x and y, disparity. Its
`pose` (8,) in a key frame is an affine map: (cx, cy) goes to the last two numbers, what lies about it is turned by
the (2, 2) matrix between. Surfaces are ranges of disparity, see `recall.Surface`.
"""

import numpy as np
from numba import njit

F = np.float32

NOISE = F(2.0)  # 8-bit levels of mismatch that are coding; grain comes on top
GRAIN = F(3.0)  # times its variance, for two frames' and what aligning leaves
SHARE, CLEARLY = F(0.12), F(14.0)  # of a strip's variance that a mismatch may have besides, up to so many levels
BESIDE = F(10.0)  # px of 1080 rows; what lies closer to the hole than that decides whether it looks the same
BRIGHTER = F(40.0)  # 8-bit levels of brightness at which it is another light or another thing
FEWEST = 16  # pixels of a strip
PRESENT = F(0.4)  # share of a strip that must be in sight in the key frame
ALIGNED = F(3.0)  # px of the small and then of the full picture by which an alignment may correct where it starts
STEPS = 3  # of an alignment
SETTLED = F(1e-2)  # px squared; a step of an alignment that needs no other
REST = F(60.0)  # squared levels; stands for what gradients leave open, so that plain strips stay where they are
MOST_POINTS = 256


@njit(nogil=True, cache=True)
def step(motion, width, height, point):  # type: ignore[no-untyped-def]
    """Move a point (x, y, disparity) by one step; `register.moved` for one point."""
    x = (point[0] - 0.5 * (width - 1)) / width
    y = (point[1] - 0.5 * (height - 1)) / width
    d = point[2] / width
    tilt = motion[8] * x + motion[9] * y + motion[10] * d
    point[0] += width * (motion[0] + motion[1] * x + motion[2] * y + motion[3] * d + x * tilt)
    point[1] += width * (motion[4] + motion[5] * x + motion[6] * y + motion[7] * d + y * tilt)


@njit(nogil=True, cache=True, fastmath=True)
def placed(pose, x, y):  # type: ignore[no-untyped-def]
    """Where a point of the frame lies in the key frame."""
    dx, dy = x - pose[0], y - pose[1]
    return pose[6] + pose[2] * dx + pose[3] * dy, pose[7] + pose[4] * dx + pose[5] * dy


@njit(nogil=True, cache=True, fastmath=True)
def range_at(surface, cell, x, y):  # type: ignore[no-untyped-def]
    j = min(max(int((x + F(0.5)) / cell), 0), surface.shape[1] - 1)
    i = min(max(int((y + F(0.5)) / cell), 0), surface.shape[0] - 1)
    return surface[i, j, 0], surface[i, j, 1]


@njit(nogil=True, cache=True, fastmath=True)
def is_surface(surface, cell, x, y, depth, tolerance):  # type: ignore[no-untyped-def]
    low, high = range_at(surface, cell, x, y)
    return high - depth <= tolerance and depth - low <= tolerance


@njit(nogil=True, cache=True, fastmath=True)
def gather(  # type: ignore[no-untyped-def]
    plane, scale, to_8_bit, surface, cell, x_edge, y_edge, depth, tolerance, stride, size, out
):
    """Collect pixels about the edge that show its surface and nothing else; returns how many.

    `plane` (h, w) is one channel of a picture that is `scale` times smaller; x and y stay those of the full one.
    """
    height, width = plane.shape
    count = 0
    column, row = int((x_edge + F(0.5)) / scale), int((y_edge + F(0.5)) / scale)
    for i in range(row - size[1] * stride, row + size[1] * stride + 1, stride):
        if i < 1 or i > height - 2:
            continue
        for j in range(column - size[0] * stride, column + size[0] * stride + 1, stride):
            if j < 1 or j > width - 2:
                continue
            x, y = (F(j) + F(0.5)) * scale - F(0.5), (F(i) + F(0.5)) * scale - F(0.5)
            low, high = range_at(surface, cell, x, y)
            if high - depth > tolerance or depth - low > tolerance:
                continue
            out[count, 0], out[count, 1], out[count, 2] = x, y, F(plane[i, j]) * to_8_bit
            out[count, 3] = F(0.5) * (F(plane[i, j + 1]) - F(plane[i, j - 1])) * to_8_bit
            out[count, 4] = F(0.5) * (F(plane[i + 1, j]) - F(plane[i - 1, j])) * to_8_bit
            out[count, 5] = F(0.5) * (low + high)
            count += 1
    return count


@njit(nogil=True, cache=True)
def plane_of(points):  # type: ignore[no-untyped-def]
    """Slopes of the strip's disparity along x and y, its centre, and its mean; least squares, flat in doubt."""
    n = points.shape[0]
    cx = cy = mean = 0.0
    for i in range(n):
        cx, cy, mean = cx + points[i, 0], cy + points[i, 1], mean + points[i, 5]
    cx, cy, mean = cx / n, cy / n, mean / n
    xx = yy = 16.0 * n  # px squared: a strip thinner than that says nothing of the slope across it
    xy = xd = yd = 0.0
    for i in range(n):
        x, y, d = points[i, 0] - cx, points[i, 1] - cy, points[i, 5] - mean
        xx, xy, yy, xd, yd = xx + x * x, xy + x * y, yy + y * y, xd + x * d, yd + y * d
    det = xx * yy - xy * xy
    return F((yy * xd - xy * yd) / det), F((xx * yd - xy * xd) / det), F(cx), F(cy), F(mean)


@njit(nogil=True, cache=True, fastmath=True)
def depth_there(points, count, surface, cell, pose, depth, tolerance):  # type: ignore[no-untyped-def]
    """The strip's disparity in the key frame (its median), and how many of its pixels are in sight."""
    values = np.empty(64, np.float32)
    n = 0
    stride = max(1, count // 30)
    for i in range(0, count, stride):
        u, v = placed(pose, points[i, 0], points[i, 1])
        low, high = range_at(surface, cell, u, v)
        if high - low <= F(2) * tolerance and abs(low - depth) <= F(4) * tolerance and n < 64:
            values[n] = F(0.5) * (low + high)
            n += 1
    if n == 0:
        return F(0), F(0)
    middle = np.median(values[:n])
    seen = 0
    for i in range(n):
        if abs(values[i] - middle) <= tolerance:
            seen += 1
    return F(middle), F(seen * stride)


@njit(nogil=True, cache=True, fastmath=True)
def align(  # type: ignore[no-untyped-def]
    points, count, plane, scale, to_8_bit, surface, cell, pose, there, tolerance
):
    """Shift the strip until it fits the key frame's `plane`, see `gather`; returns whether it settled nearby.

    `pose` is moved; where the strip does not settle, it stays.
    """
    height, width = plane.shape
    start_x, start_y = pose[6], pose[7]
    for _ in range(STEPS):
        n = s = gx = gy = h00 = h01 = h11 = b0 = b1 = F(0)
        for i in range(count):
            u, v = placed(pose, points[i, 0], points[i, 1])
            if not is_surface(surface, cell, u, v, there, tolerance):
                continue
            u, v = (u + F(0.5)) / scale - F(0.5), (v + F(0.5)) / scale - F(0.5)
            if not (F(0) <= u < F(width - 1) and F(0) <= v < F(height - 1)):
                continue
            j, k = int(u), int(v)
            f, g = u - F(j), v - F(k)
            upper = (F(1) - f) * F(plane[k, j]) + f * F(plane[k, j + 1])
            lower = (F(1) - f) * F(plane[k + 1, j]) + f * F(plane[k + 1, j + 1])
            e = points[i, 2] - ((F(1) - g) * upper + g * lower) * to_8_bit
            n, s, gx, gy = n + F(1), s + e, gx + points[i, 3], gy + points[i, 4]
            h00 += points[i, 3] * points[i, 3]
            h01 += points[i, 3] * points[i, 4]
            h11 += points[i, 4] * points[i, 4]
            b0 += points[i, 3] * e
            b1 += points[i, 4] * e
        if n < F(FEWEST):
            pose[6], pose[7] = start_x, start_y
            return False
        # Brightness, the same all over, is solved for as well.
        h00, h01, h11 = h00 - gx * gx / n + REST, h01 - gx * gy / n, h11 - gy * gy / n + REST
        b0, b1 = b0 - gx * s / n, b1 - gy * s / n
        det = h00 * h11 - h01 * h01
        dx, dy = (h11 * b0 - h01 * b1) / det, (h00 * b1 - h01 * b0) / det
        pose[6] += dx * scale
        pose[7] += dy * scale
        if max(abs(pose[6] - start_x), abs(pose[7] - start_y)) > ALIGNED * scale:
            pose[6], pose[7] = start_x, start_y
            return False
        if dx * dx + dy * dy < SETTLED:
            break
    return True


@njit(nogil=True, cache=True, fastmath=True)
def is_alike(  # type: ignore[no-untyped-def]
    points, count, rgb, picture, to_8_bit, surface, cell, x_edge, y_edge, pose, there, tolerance, grain, offset
):
    """Whether the aligned strip looks the same but for its brightness, which goes to `offset` (3) by channel."""
    height, width = picture.shape[:2]
    beside = BESIDE * F(height) / F(1080)
    n = total = squares = level = levels = F(0)
    offset[:] = F(0)
    for i in range(count):
        u, v = placed(pose, points[i, 0], points[i, 1])
        if not (F(0) <= u < F(width - 1) and F(0) <= v < F(height - 1)):
            continue
        if not is_surface(surface, cell, u, v, there, tolerance):
            continue
        j, k = int(u), int(v)
        f, g = u - F(j), v - F(k)
        away_x, away_y = (points[i, 0] - x_edge) / beside, (points[i, 1] - y_edge) / beside
        w = F(1) / (F(1) + away_x * away_x + away_y * away_y)
        n += F(1)
        total += w
        for c in range(3):
            upper = (F(1) - f) * F(picture[k, j, c]) + f * F(picture[k, j + 1, c])
            lower = (F(1) - f) * F(picture[k + 1, j, c]) + f * F(picture[k + 1, j + 1, c])
            here = F(rgb[int(points[i, 1]), int(points[i, 0]), c]) * to_8_bit
            e = here - ((F(1) - g) * upper + g * lower) * to_8_bit
            offset[c] += w * e
            squares += w * e * e
            level += w * here if c == 1 else F(0)
            levels += w * here * here if c == 1 else F(0)
    if n < F(FEWEST) or n < PRESENT * F(count):
        return False
    error = squares / total
    for c in range(3):
        offset[c] /= total
        error -= offset[c] * offset[c]
        if abs(offset[c]) > BRIGHTER:
            return False
    variance = levels / total - (level / total) * (level / total)
    most = NOISE * NOISE + GRAIN * grain * grain + min(SHARE * variance, CLEARLY * CLEARLY)
    return error / F(3) <= most


@njit(nogil=True, cache=True, fastmath=True)
def cubic(picture, u, v, c):  # type: ignore[no-untyped-def]
    """Catmull-Rom sample, one pixel from the border at least."""
    j, k = int(u), int(v)
    f, g = u - F(j), v - F(k)
    value = F(0)
    for i in range(-1, 3):
        line = (
            _weight(-1, f) * F(picture[k + i, j - 1, c])
            + _weight(0, f) * F(picture[k + i, j, c])
            + _weight(1, f) * F(picture[k + i, j + 1, c])
            + _weight(2, f) * F(picture[k + i, j + 2, c])
        )
        value += _weight(i, g) * line
    return value


@njit(nogil=True, cache=True, fastmath=True)
def _weight(tap, t):  # type: ignore[no-untyped-def]
    if tap == -1:
        return F(-0.5) * t * t * t + t * t - F(0.5) * t
    if tap == 0:
        return F(1.5) * t * t * t - F(2.5) * t * t + F(1)
    if tap == 1:
        return F(-1.5) * t * t * t + F(2) * t * t + F(0.5) * t
    return F(0.5) * t * t * t - F(0.5) * t * t
