"""The passes over a picture: visibility, light, smoothing of light, edges.

Each pass is a scalar function of one pixel, which a kernel over rows calls here and a kernel over pixels in `cuda`.
`see` finds what the pixel's centre sees. `shade` shades it with one shadow ray and one ray for ambient occlusion, in an
interleaved pattern (Keller and Heidrich 2001, doi:10.1007/978-3-7091-6242-2_25) over 5 x 5 pixels, which also takes the
lamps in turn. `compose` averages the light, not the texture, over just those 5 x 5 pixels of one surface. `soften`
smooths outlines by where four more rays of each outline pixel go.

A ray's direction d has z = 1 in the camera where t shall be a depth, and length 1 where t shall be a distance.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.synthetic.render.intersect import (
    CASTS,
    CENTRE,
    EXTENT,
    FAR,
    KIND,
    LOCAL,
    MATERIAL,
    NEAREST,
    RADIUS,
    ROOM,
    SHAPE,
    SIZE,
    SPACING,
    TERRAIN,
    from_world,
    height_at,
    intersect,
    is_occluded,
    kernel,
    local_normal,
    march,
    meet,
    scalar,
)
from vergence.synthetic.render.surface import (
    BUMP,
    CLEAR,
    GLOSS,
    GLOW,
    GRAZING,
    MIRROR,
    SCALE,
    SHINE,
    colour,
    material_of,
    noise,
    patches,
    sky_radiance,
    unwrap,
)

CELL = 8  # pixels a side of the cells that share lists of primitives
CELLS = 4  # a side of a block
BLOCK = CELLS * CELL  # pixels; lists for its cells are taken from the block's
NEAR = 0.02  # m; nothing nearer is drawn
PATTERN = 5  # pixels a side of the interleaved pattern
SAME_PLANE = 0.85  # cosine between the normals of one surface, for smoothing its light
SAME_DEPTH = 0.12  # relative depth step of one surface, likewise
SHADOW_DISTANCE = 70.0  # m that sunlight is followed
OPEN = 0.3  # ambient light that a blocked direction still gives: it bounced
BUMP_RATE = 9.0  # bumps per tile
SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))  # a rotated grid
FOG_END = 300.0  # m

# Entries of a camera. The first nine are world_from_camera's rotation, row by row.
ORIGIN = 9  # m
FX, FY, CX, CY = 12, 13, 14, 15  # px

# Columns of a light.
PLACE = 0  # place, m, or direction towards the sun
POWER = 3  # linear colour
IS_LAMP = 6  # 1 a lamp, 0 the sun
BREADTH = 7  # m, radius of a lamp; half the sun's width in radians
REACH = 8  # m at which a lamp is half as bright
LIGHT_COLUMNS = 9

# Entries of the air: what light there is without a lamp. The first three are ambient light, a linear colour.
AMBIENT_REACH = 3  # m of ambient occlusion
FROM_ABOVE = 4  # share of ambient light that depends on how much a surface faces up
FOG = 5  # 1/m
HAZE = 6  # linear colour of the fog
SKY = 9  # see `surface`


def _hammersley() -> NDArray[np.float64]:
    """(25, 5): evenly spread points, shuffled once so that neighbouring pixels differ."""
    points = np.zeros((PATTERN * PATTERN, 5))
    for i in range(len(points)):
        for j, base in enumerate((2, 3, 5, 7, 11)):
            fraction, left = 1.0, i + 1
            while left:
                fraction /= base
                points[i, j] += fraction * (left % base)
                left //= base
    return points[np.random.default_rng(0).permutation(len(points))]


SPREAD = _hammersley()
_UP, _ROUND = 2 * SPREAD[:, 0] - 1, 2 * math.pi * SPREAD[:, 1]
_FLAT = np.sqrt(1 - _UP * _UP)
SPHERE = np.stack([_FLAT * np.cos(_ROUND), _FLAT * np.sin(_ROUND), _UP], axis=1)  # (25, 3) spread over the unit sphere


@njit(nogil=True, cache=True, error_model="numpy")
def cells(kinds, corners, nearest, width, height, camera):  # type: ignore[no-untyped-def]
    """Which primitives each cell of the picture may see, nearest first: (starts, members).

    Those of cell k are members[starts[k] : starts[k + 1]]. `corners` are (n, 8, 3) in the camera's axes, in binary
    order; `nearest` their least z.
    """
    n = kinds.shape[0]
    columns = (width + CELL - 1) // CELL
    rows = (height + CELL - 1) // CELL
    box = np.zeros((n, 4), np.int64)
    order = np.argsort(np.where(kinds >= ROOM, FAR, nearest))  # the unbounded last, when most is covered
    starts = np.zeros(columns * rows + 1, np.int64)
    for at in range(n):
        i = order[at]
        left, top, right, bottom = FAR, FAR, -FAR, -FAR
        if kinds[i] >= ROOM:
            left, top, right, bottom = 0.0, 0.0, float(width), float(height)
        else:
            for a in range(8):
                if corners[i, a, 2] > NEAR:
                    u = corners[i, a, 0] / corners[i, a, 2] * camera[FX] + camera[CX]
                    v = corners[i, a, 1] / corners[i, a, 2] * camera[FY] + camera[CY]
                    left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
                for bit in (1, 2, 4):  # where the box's edges pass the near plane
                    b = a | bit
                    za, zb = corners[i, a, 2], corners[i, b, 2]
                    if b != a and (za > NEAR) != (zb > NEAR):
                        w = (NEAR - za) / (zb - za)
                        u = (corners[i, a, 0] + w * (corners[i, b, 0] - corners[i, a, 0])) / NEAR * camera[FX] + camera[
                            CX
                        ]
                        v = (corners[i, a, 1] + w * (corners[i, b, 1] - corners[i, a, 1])) / NEAR * camera[FY] + camera[
                            CY
                        ]
                        left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
        box[i, 2] = -1
        if left <= right and right >= -1.0 and bottom >= -1.0:  # a pixel of margin: edges look half a pixel further
            box[i, 0] = int(max(left - 1.0, 0.0)) // CELL
            box[i, 1] = int(max(top - 1.0, 0.0)) // CELL
            box[i, 2] = min(columns - 1, int(min(right + 1.0, float(width))) // CELL)
            box[i, 3] = min(rows - 1, int(min(bottom + 1.0, float(height))) // CELL)
        for row in range(box[i, 1], box[i, 3] + 1):
            for column in range(box[i, 0], box[i, 2] + 1):
                starts[row * columns + column + 1] += 1
    for cell in range(columns * rows):
        starts[cell + 1] += starts[cell]
    members = np.zeros(starts[-1], np.int64)
    filled = starts[:-1].copy()
    for at in range(n):
        i = order[at]
        for row in range(box[i, 1], box[i, 3] + 1):
            for column in range(box[i, 0], box[i, 2] + 1):
                cell = row * columns + column
                members[filled[cell]] = i
                filled[cell] += 1
    return starts, members


@scalar
def _direction(camera, u, v):  # type: ignore[no-untyped-def]
    """World direction, z = 1 in the camera, through the picture's point (u, v)."""
    a = (u - camera[CX]) / camera[FX]
    b = (v - camera[CY]) / camera[FY]
    return (
        camera[0] * a + camera[1] * b + camera[2],
        camera[3] * a + camera[4] * b + camera[5],
        camera[6] * a + camera[7] * b + camera[8],
    )


@scalar
def nearest(marks, numbers, heights, ground, camera, starts, members, columns, u, v):  # type: ignore[no-untyped-def]
    """What the picture's point (u, v) sees: (z in m, primitive, face); (FAR, -1, 0) is the sky."""
    cell = (int(v) // CELL) * columns + int(u) // CELL
    dx, dy, dz = _direction(camera, u, v)
    best = FAR
    found = -1
    part = 0
    for at in range(starts[cell], starts[cell + 1]):
        i = members[at]
        if numbers[i, NEAREST] >= best:
            continue
        if marks[i, KIND] == TERRAIN:
            length = math.sqrt(dx * dx + dy * dy + dz * dz)
            t = march(
                heights, ground, camera[ORIGIN], camera[ORIGIN + 1], camera[ORIGIN + 2],
                dx / length, dy / length, dz / length, best * length,
            )  # fmt: skip
            t = t / length if t < FAR else FAR
            face = 0
        else:
            ex, ey, ez = from_world(numbers, i, dx, dy, dz)
            t, face = intersect(
                marks[i, KIND], numbers[i, SHAPE], numbers[i, LOCAL], numbers[i, LOCAL + 1], numbers[i, LOCAL + 2],
                ex, ey, ez, NEAR, best,
            )  # fmt: skip
        if t < best:
            best = t
            found = i
            part = face
    return best, found, part


@scalar
def see(y, x, marks, numbers, heights, ground, camera, starts, members, depth, ids, faces):  # type: ignore[no-untyped-def]
    """Write what the centre of one pixel sees; the sky's depth is 0."""
    columns = (depth.shape[1] + CELL - 1) // CELL
    z, i, face = nearest(marks, numbers, heights, ground, camera, starts, members, columns, x + 0.5, y + 0.5)
    depth[y, x] = z if i >= 0 else 0.0
    ids[y, x] = i
    faces[y, x] = face


@kernel
def visible_rows(first, last, marks, numbers, heights, ground, camera, starts, members, depth, ids, faces):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(depth.shape[1]):
            see(y, x, marks, numbers, heights, ground, camera, starts, members, depth, ids, faces)


@scalar
def _surface(marks, numbers, heights, ground, i, face, hx, hy, hz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """At h on primitive i, seen along d: unit normal against d, place on the texture, local z."""
    kind = marks[i, KIND]
    if kind == TERRAIN:
        spacing = ground[SPACING]
        e = 0.5 * spacing
        nx = height_at(heights, spacing, hx - e, hy) - height_at(heights, spacing, hx + e, hy)
        ny = height_at(heights, spacing, hx, hy - e) - height_at(heights, spacing, hx, hy + e)
        nz = 2.0 * e
        u, v, lz = hx, hy, 0.0
    else:
        lx, ly, lz = from_world(
            numbers, i, hx - numbers[i, CENTRE], hy - numbers[i, CENTRE + 1], hz - numbers[i, CENTRE + 2]
        )
        ax, ay, az = local_normal(kind, numbers[i, SHAPE], face, lx, ly, lz)
        nx = numbers[i, 0] * ax + numbers[i, 3] * ay + numbers[i, 6] * az
        ny = numbers[i, 1] * ax + numbers[i, 4] * ay + numbers[i, 7] * az
        nz = numbers[i, 2] * ax + numbers[i, 5] * ay + numbers[i, 8] * az
        u, v = unwrap(kind, face, lx, ly, lz, ax, ay, az, numbers[i, SIZE], numbers[i, SIZE + 1], numbers[i, SIZE + 2])
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-30)
    if nx * dx + ny * dy + nz * dz > 0.0:
        scale = -scale
    return nx * scale, ny * scale, nz * scale, u, v, lz


@scalar
def _bumped(materials, row, u, v, nx, ny, nz):  # type: ignore[no-untyped-def]
    bump = materials[row, BUMP]
    if bump <= 0.0:
        return nx, ny, nz
    rate = BUMP_RATE / materials[row, SCALE]
    nx += bump * (noise(u * rate, v * rate, 1.5) - 0.5)
    ny += bump * (noise(u * rate + 31.0, v * rate, 4.5) - 0.5)
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * scale, ny * scale, nz * scale


@scalar
def _towards(lights, k, spread_x, spread_y, spread_z, hx, hy, hz):  # type: ignore[no-untyped-def]
    """Unit direction to a point of light k, how far it is to be followed (m), and its share of power there."""
    x = lights[k, PLACE] + lights[k, BREADTH] * spread_x
    y = lights[k, PLACE + 1] + lights[k, BREADTH] * spread_y
    z = lights[k, PLACE + 2] + lights[k, BREADTH] * spread_z
    reach = SHADOW_DISTANCE
    share = 1.0
    is_lamp = lights[k, IS_LAMP] > 0.5
    if is_lamp:
        x, y, z = x - hx, y - hy, z - hz
    square = x * x + y * y + z * z
    length = math.sqrt(square + 1e-12)
    if is_lamp:
        reach = length - 0.02
        share = 1.0 / (1.0 + square / (lights[k, REACH] * lights[k, REACH]))
    return x / length, y / length, z / length, reach, share


@scalar
def _seen_along(marks, numbers, heights, ground, materials, texels, lights, air, skip, ox, oy, oz, dx, dy, dz, pixel):  # type: ignore[no-untyped-def]
    """Linear colour that a mirrored or passing unit ray brings: every lamp, no shadows; `pixel` is its width, m."""
    best = FAR
    found = -1
    part = 0
    for i in range(marks.shape[0]):
        if i == skip:
            continue
        if marks[i, KIND] == TERRAIN:
            t = march(heights, ground, ox, oy, oz, dx, dy, dz, best)
            face = 0
        else:
            t, face = meet(marks, numbers, i, ox, oy, oz, dx, dy, dz, 1e-3, best)
        if t < best:
            best = t
            found = i
            part = face
    if found < 0:
        return sky_radiance(air, SKY, dx, dy, dz)
    hx, hy, hz = ox + best * dx, oy + best * dy, oz + best * dz
    nx, ny, nz, u, v, lz = _surface(marks, numbers, heights, ground, found, part, hx, hy, hz, dx, dy, dz)
    kind = marks[found, KIND]
    row = material_of(kind, part, marks[found, MATERIAL], lz)
    red, green, blue = colour(materials, row, texels, u, v, pixel * (1.0 + best), hx, hy, hz)
    ambient = 1.0 - air[FROM_ABOVE] + air[FROM_ABOVE] * nz
    glow = materials[row, GLOW]
    ir, ig, ib = air[0] * ambient + glow, air[1] * ambient + glow, air[2] * ambient + glow
    for lamp in range(lights.shape[0]):
        lx, ly, lz, _, share = _towards(lights, lamp, 0.0, 0.0, 0.0, hx, hy, hz)
        cosine = max(0.0, nx * lx + ny * ly + nz * lz) * share
        ir += lights[lamp, POWER] * cosine
        ig += lights[lamp, POWER + 1] * cosine
        ib += lights[lamp, POWER + 2] * cosine
    patch = patches(kind, hx, hy)
    return red * ir * patch, green * ig * patch, blue * ib * patch


@scalar
def _nearby(marks, numbers, among, count, cx, cy, cz, wide, reach, members):  # type: ignore[no-untyped-def]
    """Collect in row 0 what lies within `reach` of the ball c of radius `wide`, for ambient occlusion; how many."""
    found = 0
    limit = reach + wide
    for at in range(count):
        i = among[0, at]
        if marks[i, KIND] == TERRAIN:
            continue
        if marks[i, KIND] < ROOM:
            px = cx - numbers[i, CENTRE]
            py = cy - numbers[i, CENTRE + 1]
            pz = cz - numbers[i, CENTRE + 2]
            ball = limit + numbers[i, RADIUS]
            if px * px + py * py + pz * pz > ball * ball:
                continue
            lx, ly, lz = from_world(numbers, i, px, py, pz)
            gx = max(abs(lx) - numbers[i, EXTENT], 0.0) * numbers[i, SIZE]
            gy = max(abs(ly) - numbers[i, EXTENT + 1], 0.0) * numbers[i, SIZE + 1]
            gz = max(abs(lz) - numbers[i, EXTENT + 2], 0.0) * numbers[i, SIZE + 2]
            if gx * gx + gy * gy + gz * gz > limit * limit:
                continue
        members[0, found] = i
        found += 1
    return found


@scalar
def _slab(place, step, half, enter, leave):  # type: ignore[no-untyped-def]
    """Cut the stretch enter..leave of a line down to where |place + t step| <= half."""
    if abs(step) < 1e-9:
        return enter, leave if abs(place) <= half else -1.0
    a, b = (-half - place) / step, (half - place) / step
    return max(enter, min(a, b)), min(leave, max(a, b))


@scalar
def _between(marks, numbers, lights, lamp, among, count, cx, cy, cz, wide, members):  # type: ignore[no-untyped-def]
    """Collect in row lamp + 1 what may stand between the ball c of radius `wide` and a light; how many."""
    is_lamp = lights[lamp, IS_LAMP] > 0.5
    breadth = lights[lamp, BREADTH]
    dx, dy, dz = lights[lamp, PLACE], lights[lamp, PLACE + 1], lights[lamp, PLACE + 2]
    if is_lamp:
        dx, dy, dz = dx - cx, dy - cy, dz - cz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    if not is_lamp:
        length = SHADOW_DISTANCE + wide
    found = 0
    for at in range(count):
        i = among[lamp + 1, at]
        if marks[i, CASTS] == 0:
            continue
        px = cx - numbers[i, CENTRE]
        py = cy - numbers[i, CENTRE + 1]
        pz = cz - numbers[i, CENTRE + 2]
        radius = numbers[i, RADIUS]
        along = -(px * dx + py * dy + pz * dz)
        # Shadow rays lie within `wide` of the axis at the surface, and within the light's breadth at the light.
        margin = max(wide, breadth) if is_lamp else wide + breadth * min(length, max(0.0, along + radius))
        foot = min(max(along, 0.0), length)
        ball = radius + margin
        if px * px + py * py + pz * pz - 2.0 * foot * along + foot * foot > ball * ball:
            continue
        lx, ly, lz = from_world(numbers, i, px, py, pz)
        ex, ey, ez = from_world(numbers, i, dx, dy, dz)
        # The axis against the primitive's box, grown by the margin.
        enter, leave = _slab(lx, ex, numbers[i, EXTENT] + margin / numbers[i, SIZE], -wide, length + margin)
        enter, leave = _slab(ly, ey, numbers[i, EXTENT + 1] + margin / numbers[i, SIZE + 1], enter, leave)
        enter, leave = _slab(lz, ez, numbers[i, EXTENT + 2] + margin / numbers[i, SIZE + 2], enter, leave)
        if enter <= leave:
            members[lamp + 1, found] = i
            found += 1
    return found


@scalar
def _ball_around(camera, depth, ids, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Centre and radius, m, of a ball around what a part of the picture sees; a negative radius where only sky."""
    lx, ly, lz, hx, hy, hz = FAR, FAR, FAR, -FAR, -FAR, -FAR
    for y in range(top, bottom):
        for x in range(left, right):
            if ids[y, x] < 0:
                continue
            dx, dy, dz = _direction(camera, x + 0.5, y + 0.5)
            z = depth[y, x]
            lx, ly, lz = min(lx, dx * z), min(ly, dy * z), min(lz, dz * z)
            hx, hy, hz = max(hx, dx * z), max(hy, dy * z), max(hz, dz * z)
    wide = -1.0 if lx > hx else 0.5 * math.sqrt((hx - lx) ** 2 + (hy - ly) ** 2 + (hz - lz) ** 2) + 1e-3
    ox, oy, oz = camera[ORIGIN], camera[ORIGIN + 1], camera[ORIGIN + 2]
    return ox + 0.5 * (lx + hx), oy + 0.5 * (ly + hy), oz + 0.5 * (lz + hz), wide


@scalar
def collect(marks, numbers, lights, air, camera, depth, ids, top, bottom, left, right, among, limits, members, counts):  # type: ignore[no-untyped-def]
    """What matters to light on a part of the picture: in row 0 what is near, in k + 1 what may shade it from lamp k."""
    cx, cy, cz, wide = _ball_around(camera, depth, ids, top, bottom, left, right)
    for k in range(counts.shape[0]):
        counts[k] = 0
    if wide < 0.0:
        return
    counts[0] = _nearby(marks, numbers, among, limits[0], cx, cy, cz, wide, air[AMBIENT_REACH], members)
    for lamp in range(lights.shape[0]):
        counts[lamp + 1] = _between(marks, numbers, lights, lamp, among, limits[lamp + 1], cx, cy, cz, wide, members)


@scalar
def _diffuse(marks, numbers, lights, members, counts, which, sx, sy, sz, nx, ny, nz):  # type: ignore[no-untyped-def]
    """Which lamp's turn it is, and how much of its light, times the number of lamps, falls on a surface."""
    lamps = lights.shape[0]
    turn = which % lamps
    lx, ly, lz, reach, share = _towards(
        lights, turn, SPREAD[which, 2] - 0.5, SPREAD[which, 3] - 0.5, SPREAD[which, 4] - 0.5, sx, sy, sz
    )
    facing = nx * lx + ny * ly + nz * lz
    if facing <= 0.0 or is_occluded(marks, numbers, members, turn + 1, counts[turn + 1], sx, sy, sz, lx, ly, lz, reach):
        return turn, 0.0
    return turn, facing * share * lamps


@scalar
def _highlight(lights, k, gloss, sx, sy, sz, dx, dy, dz, nx, ny, nz):  # type: ignore[no-untyped-def]
    """Blinn's highlight (1977, doi:10.1145/563858.563893) of light k, unshadowed."""
    lx, ly, lz, _, share = _towards(lights, k, 0.0, 0.0, 0.0, sx, sy, sz)
    if nx * lx + ny * ly + nz * lz <= 0.0:
        return 0.0
    x, y, z = lx - dx, ly - dy, lz - dz
    cosine = (nx * x + ny * y + nz * z) / math.sqrt(x * x + y * y + z * z + 1e-12)
    return max(0.0, cosine) ** gloss * share


@scalar
def shade(  # type: ignore[no-untyped-def]
    y, x, marks, numbers, heights, ground, camera, materials, texels, lights, air, members, counts,
    depth, ids, faces, albedo, light, extra, normals,
):  # fmt: skip
    """Shade one pixel; `members` and `counts` say what is near and what may stand before each lamp."""
    dx, dy, dz = _direction(camera, x + 0.5, y + 0.5)
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    i = ids[y, x]
    if i < 0:
        red, green, blue = sky_radiance(air, SKY, dx, dy, dz)
        albedo[y, x, 0], albedo[y, x, 1], albedo[y, x, 2] = red, green, blue
        for k in range(3):
            light[y, x, k] = 1.0
            extra[y, x, k] = 0.0
            normals[y, x, k] = 0.0
        return
    t = depth[y, x] * length
    hx, hy, hz = camera[ORIGIN] + t * dx, camera[ORIGIN + 1] + t * dy, camera[ORIGIN + 2] + t * dz
    gx, gy, gz, u, v, lz = _surface(marks, numbers, heights, ground, i, faces[y, x], hx, hy, hz, dx, dy, dz)
    for k in range(3):  # by the transpose of its rotation into the camera's axes
        normals[y, x, k] = camera[k] * gx + camera[3 + k] * gy + camera[6 + k] * gz
    kind = marks[i, KIND]
    row = material_of(kind, faces[y, x], marks[i, MATERIAL], lz)
    pixel = t / camera[FX] / max(GRAZING, -(gx * dx + gy * dy + gz * dz))
    red, green, blue = colour(materials, row, texels, u, v, pixel, hx, hy, hz)
    away = 1e-3 * max(1.0, t)
    sx, sy, sz = hx + away * gx, hy + away * gy, hz + away * gz
    nx, ny, nz = _bumped(materials, row, u, v, gx, gy, gz)
    which = x % PATTERN + PATTERN * (y % PATTERN)

    # The normal plus a point of the unit sphere is a cosine-weighted direction.
    qx, qy, qz = nx + SPHERE[which, 0], ny + SPHERE[which, 1], nz + SPHERE[which, 2]
    scale = 1.0 / math.sqrt(qx * qx + qy * qy + qz * qz + 1e-9)
    is_dark = is_occluded(
        marks, numbers, members, 0, counts[0], sx, sy, sz, qx * scale, qy * scale, qz * scale, air[AMBIENT_REACH]
    )
    ambient = (1.0 - air[FROM_ABOVE] + air[FROM_ABOVE] * nz) * (OPEN if is_dark else 1.0)
    turn, share = _diffuse(marks, numbers, lights, members, counts, which, sx, sy, sz, nx, ny, nz)
    for k in range(3):
        light[y, x, k] = air[k] * ambient + materials[row, GLOW] + lights[turn, POWER + k] * share

    er, eg, eb = 0.0, 0.0, 0.0
    if materials[row, SHINE] > 0.0:
        for k in range(lights.shape[0]):
            shine = _highlight(lights, k, materials[row, GLOSS], sx, sy, sz, dx, dy, dz, nx, ny, nz)
            shine *= materials[row, SHINE]
            er, eg, eb = (
                er + lights[k, POWER] * shine,
                eg + lights[k, POWER + 1] * shine,
                eb + lights[k, POWER + 2] * shine,
            )
    kept = 1.0
    for bounce in range(2):
        share = materials[row, MIRROR] if bounce == 0 else materials[row, CLEAR]
        if share <= 0.0:
            continue
        bend, px, py, pz, skip = 0.0, hx, hy, hz, i
        if bounce == 0:
            cosine = min(1.0, max(0.0, -(nx * dx + ny * dy + nz * dz)))
            share += (1.0 - share) * (1.0 - cosine) ** 5  # Schlick 1994, doi:10.1111/1467-8659.1330233
            bend, px, py, pz, skip = 2.0 * cosine, sx, sy, sz, i if kind < ROOM else -1
        lr, lg, lb = _seen_along(
            marks, numbers, heights, ground, materials, texels, lights, air, skip, px, py, pz,
            dx + bend * nx, dy + bend * ny, dz + bend * nz, pixel,
        )  # fmt: skip
        er, eg, eb = er + kept * share * lr, eg + kept * share * lg, eb + kept * share * lb
        kept *= 1.0 - share
    kept *= patches(kind, hx, hy)
    albedo[y, x, 0], albedo[y, x, 1], albedo[y, x, 2] = red * kept, green * kept, blue * kept
    extra[y, x, 0], extra[y, x, 1], extra[y, x, 2] = er, eg, eb


@kernel
def light_rows(  # type: ignore[no-untyped-def]
    first, last, marks, numbers, heights, ground, camera, materials, texels, lights, air,
    depth, ids, faces, albedo, light, extra, normals,
):  # fmt: skip
    """Shade what `visible_rows` saw.

    Writes (H, W, 3) each: `albedo` and `light`, whose product is the diffuse colour, `extra` colour (highlights,
    reflections, what lies behind glass) and geometric `normals` in the camera's axes.
    """
    width = depth.shape[1]
    n = marks.shape[0]
    lists = lights.shape[0] + 1
    everything, all_counts = np.empty((lists, n), np.int64), np.empty(lists, np.int64)
    block_members, block_counts = np.empty((lists, n), np.int64), np.zeros(lists, np.int64)
    members, counts = np.empty((lists, n), np.int64), np.zeros(lists, np.int64)
    for k in range(lists):
        all_counts[k] = n
        for i in range(n):
            everything[k, i] = i
    for block_top in range(first - first % BLOCK, last, BLOCK):
        for block_left in range(0, width, BLOCK):
            block_bottom, block_right = min(block_top + BLOCK, last), min(block_left + BLOCK, width)
            collect(
                marks, numbers, lights, air, camera, depth, ids, max(block_top, first), block_bottom,
                block_left, block_right, everything, all_counts, block_members, block_counts,
            )  # fmt: skip
            for cell in range(CELLS * CELLS):
                top = max(first, block_top + CELL * (cell // CELLS))
                bottom = min(block_top + CELL * (cell // CELLS + 1), block_bottom)
                left = block_left + CELL * (cell % CELLS)
                right = min(left + CELL, block_right)
                if top >= bottom or left >= right:
                    continue
                collect(
                    marks, numbers, lights, air, camera, depth, ids, top, bottom,
                    left, right, block_members, block_counts, members, counts,
                )  # fmt: skip
                for y in range(top, bottom):
                    for x in range(left, right):
                        shade(
                            y, x, marks, numbers, heights, ground, camera, materials, texels, lights, air,
                            members, counts, depth, ids, faces, albedo, light, extra, normals,
                        )  # fmt: skip


@scalar
def compose(y, x, air, depth, ids, albedo, light, extra, normals, linear):  # type: ignore[no-untyped-def]
    """Join one pixel's albedo, smoothed light, extra colour and fog to a linear colour."""
    height, width = depth.shape
    half = PATTERN // 2
    i = ids[y, x]
    if i < 0:
        for k in range(3):
            linear[y, x, k] = albedo[y, x, k]
        return
    z = depth[y, x]
    step = np.float32(SAME_DEPTH) * z
    nx, ny, nz = normals[y, x, 0], normals[y, x, 1], normals[y, x, 2]
    red, green, blue, count = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for yy in range(max(0, y - half), min(height, y + half + 1)):
        for xx in range(max(0, x - half), min(width, x + half + 1)):
            if ids[yy, xx] != i or abs(depth[yy, xx] - z) > step:
                continue
            cosine = nx * normals[yy, xx, 0] + ny * normals[yy, xx, 1] + nz * normals[yy, xx, 2]
            if cosine < np.float32(SAME_PLANE):
                continue
            count += np.float32(1)
            red += light[yy, xx, 0]
            green += light[yy, xx, 1]
            blue += light[yy, xx, 2]
    clear = 1.0
    if air[FOG] > 0.0:
        clear = math.exp(-air[FOG] * min(z, FOG_END))
    dim = 1.0 - clear
    linear[y, x, 0] = (albedo[y, x, 0] * red / count + extra[y, x, 0]) * clear + air[HAZE] * dim
    linear[y, x, 1] = (albedo[y, x, 1] * green / count + extra[y, x, 1]) * clear + air[HAZE + 1] * dim
    linear[y, x, 2] = (albedo[y, x, 2] * blue / count + extra[y, x, 2]) * clear + air[HAZE + 2] * dim


@kernel
def compose_rows(first, last, air, depth, ids, albedo, light, extra, normals, linear):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(depth.shape[1]):
            compose(y, x, air, depth, ids, albedo, light, extra, normals, linear)


@scalar
def soften(y, x, marks, numbers, heights, ground, camera, starts, members, ids, linear, smooth):  # type: ignore[no-untyped-def]
    """Where neighbours show different primitives, average what four more rays see, coloured by the pixels around."""
    height, width = ids.shape
    columns = (width + CELL - 1) // CELL
    i = ids[y, x]
    is_edge = (
        (x > 0 and ids[y, x - 1] != i)
        or (x + 1 < width and ids[y, x + 1] != i)
        or (y > 0 and ids[y - 1, x] != i)
        or (y + 1 < height and ids[y + 1, x] != i)
    )
    if not is_edge:
        for k in range(3):
            smooth[y, x, k] = linear[y, x, k]
        return
    red, green, blue = 0.0, 0.0, 0.0
    for sub in range(4):
        du, dv = SUBPIXELS[sub]
        _, j, _ = nearest(marks, numbers, heights, ground, camera, starts, members, columns, x + 0.5 + du, y + 0.5 + dv)
        best_x, best_y, closest = x, y, 9.0
        if j != i:
            for yy in range(max(0, y - 1), min(height, y + 2)):
                for xx in range(max(0, x - 1), min(width, x + 2)):
                    gap = (xx - x - du) ** 2 + (yy - y - dv) ** 2
                    if ids[yy, xx] == j and gap < closest:
                        best_x, best_y, closest = xx, yy, gap
        red += linear[best_y, best_x, 0]
        green += linear[best_y, best_x, 1]
        blue += linear[best_y, best_x, 2]
    smooth[y, x, 0] = 0.25 * red
    smooth[y, x, 1] = 0.25 * green
    smooth[y, x, 2] = 0.25 * blue


@kernel
def edge_rows(first, last, marks, numbers, heights, ground, camera, starts, members, ids, linear, smooth):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(ids.shape[1]):
            soften(y, x, marks, numbers, heights, ground, camera, starts, members, ids, linear, smooth)
