"""Where a ray meets a primitive: scalar functions over float64, for any compiler numba has.

A primitive is a unit shape under an affine map, `local = inverse @ (world - centre)`. Affine maps keep the ray
parameter t, so a ray is moved into the shape's own space, solved there, and the t found holds in the world.

The functions here become part of the kernels in `kernels`, `flow` and `cuda`, whose compiled form numba keeps beside
those files and renews only when those change: touch them after a change here. What they may use is what numba knows
for both targets: no lists, no arrays of their own.
"""

import math

from numba import njit

FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}  # not nnan and ninf: a slab's bounds may be infinite
kernel = njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
scalar = njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy", forceinline=True, _nrt=False)  # type: ignore[call-overload]
"""How the passes over a picture and the functions of one ray are compiled; these become part of those.

`_nrt=False`: a function of one ray allocates nothing, and counting references to its arrays would take half the time.
"""

BOX, ELLIPSOID, FRUSTUM, CAPSULE, PRISM, CARD, TORUS, ROUNDED, LATHE, BLOB, ROOM, GROUND, TERRAIN = range(13)
"""The unit shapes; `shape` is the one number that some of them take.

BOX: |x|, |y|, |z| <= 1. ELLIPSOID: the unit ball. FRUSTUM: a cylinder of radius 1 at z = -1, `shape` (0..1) at z = 1.
CAPSULE: radius 1 around the z axis from -`shape` to `shape`. PRISM: a gable roof along y. CARD: the square z = 0 with
parts cut out, see `_is_cut_out`. TORUS: a tube around the z axis whose radius is the share `shape` of the whole.
ROUNDED: a box whose edges have radius `shape`. LATHE: a turned vessel, `shape` chooses its profile. BLOB: a lumpy ball,
`shape` is its seed. ROOM: the inside of a box. GROUND: the plane z = 0. TERRAIN: the field of heights.
"""

FACE_X, FACE_Y, FACE_Z, ROUND, SLOPE_RIGHT, SLOPE_LEFT = range(6)
"""Which part of a primitive was hit."""

FAR = 1e9  # the t of a miss
TINY = 1e-12  # a direction's component under this is parallel to a face

FIELD_STEPS = 128  # of sphere tracing through a unit cube
FIELD_HIT = 2e-5  # of the unit cube: below a pixel at every size and distance that scenes use
FIELD_CLOSE = 0.04  # of the unit cube: under half of the thinnest part of any shape
BLOB_RADIUS, BLOB_RIPPLE = 0.78, 0.16  # of the unit cube
BLOB_REACH = BLOB_RADIUS + 1.5 * BLOB_RIPPLE
FIELD_EPSILON = 1e-4  # for normals by central differences

MARCH_STEPS = 250
MARCH_GROWTH = 0.006  # of the distance, the least step: a ridge cut off by it is about a pixel
MARCH_START = 0.25  # m
MARCH_END = 260.0  # m
BISECTIONS = 18

MESH_WIRE = 0.09  # thickness of a fence's wire as a share of its mesh
BLADES = 1000.0  # from this `shape` on a card is that many blades of grass, and from 2 on a mesh of wires


# Primitives are two tables, (n, MARKS) int64 and (n, NUMBERS) float64, and the terrain two arrays: as tuples of many
# arrays they would be copied at every call. Columns of the marks:
KIND, MATERIAL, CASTS = range(3)  # unit shape; row of its material; whether it throws shadows
MARKS = 3
# Columns of the numbers:
INVERSE = 0  # local_from_world without its shift, row by row
CENTRE = 9  # m
RADIUS = 12  # m, of a ball around the centre that holds it; FAR where nothing does
SHAPE = 13  # the unit shape's parameter
SIZE = 14  # m, half the size of the unit shape in the world
EXTENT = 17  # half of the unit shape's own bounding box
LOCAL = 20  # the camera's place in the primitive's space
NEAREST = 23  # least z in the camera, m; -FAR of the unbounded
NUMBERS = 24
# Entries of the ground, beside its heights:
SPACING, CEILING, STEEPEST = range(3)  # m between heights; greatest height, m; greatest slope, m/m


@scalar
def height_at(heights, spacing, x, y):  # type: ignore[no-untyped-def]
    """Height of the terrain, m; bilinear and periodic."""
    n = heights.shape[0]
    u = x / spacing
    v = y / spacing
    floor_u = math.floor(u)
    floor_v = math.floor(v)
    i = int(floor_u) % n
    j = int(floor_v) % n
    a = u - floor_u
    b = v - floor_v
    ii = (i + 1) % n
    jj = (j + 1) % n
    low = heights[i, j] * (1.0 - a) + heights[ii, j] * a
    high = heights[i, jj] * (1.0 - a) + heights[ii, jj] * a
    return low * (1.0 - b) + high * b


@scalar
def intersect(kind, shape, lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    """First t in (near, far) at which the local ray l + t e meets the unit shape, and the face; FAR if it does not."""
    if kind == BOX:
        return _box(lx, ly, lz, ex, ey, ez, near, far)
    if kind == ELLIPSOID:
        return _ball(lx, ly, lz, ex, ey, ez, near, far), ROUND
    if kind == FRUSTUM:
        return _frustum(shape, lx, ly, lz, ex, ey, ez, near, far)
    if kind == CAPSULE:
        return _capsule(shape, lx, ly, lz, ex, ey, ez, near, far), ROUND
    if kind == CARD:
        return _card(shape, lx, ly, lz, ex, ey, ez, near, far), FACE_Z
    if kind == PRISM:
        return _prism(lx, ly, lz, ex, ey, ez, near, far)
    if kind == ROOM:
        return _room(lx, ly, lz, ex, ey, ez, near, far)
    if kind == GROUND:
        t = -lz / (ez if abs(ez) > TINY else TINY)
        return (t if near < t < far else FAR), FACE_Z
    if kind == TERRAIN:
        return FAR, FACE_Z
    return _field(kind, shape, lx, ly, lz, ex, ey, ez, near, far), ROUND


@scalar
def _box(lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    ix = 1.0 / (ex if abs(ex) > TINY else TINY)
    iy = 1.0 / (ey if abs(ey) > TINY else TINY)
    iz = 1.0 / (ez if abs(ez) > TINY else TINY)
    reach_x, reach_y, reach_z = abs(ix), abs(iy), abs(iz)
    ax = -lx * ix
    ay = -ly * iy
    az = -lz * iz
    leave = min(ax + reach_x, min(ay + reach_y, az + reach_z))
    t = ax - reach_x
    face = FACE_X
    if ay - reach_y > t:
        t = ay - reach_y
        face = FACE_Y
    if az - reach_z > t:
        t = az - reach_z
        face = FACE_Z
    if t > leave or t <= near or t >= far:
        return FAR, face
    return t, face


@scalar
def _room(lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    ix = 1.0 / (ex if abs(ex) > TINY else TINY)
    iy = 1.0 / (ey if abs(ey) > TINY else TINY)
    iz = 1.0 / (ez if abs(ez) > TINY else TINY)
    t = -lx * ix + abs(ix)
    face = FACE_X
    other = -ly * iy + abs(iy)
    if other < t:
        t = other
        face = FACE_Y
    other = -lz * iz + abs(iz)
    if other < t:
        t = other
        face = FACE_Z
    if t <= near or t >= far:
        return FAR, face
    return t, face


@scalar
def _ball(lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    # By the closest approach (Haines et al., Ray Tracing Gems ch. 7): b * b - a * c cancels for a far small ball.
    a = ex * ex + ey * ey + ez * ez
    middle = -(lx * ex + ly * ey + lz * ez) / a
    px = lx + middle * ex
    py = ly + middle * ey
    pz = lz + middle * ez
    depth = 1.0 - (px * px + py * py + pz * pz)
    if depth < 0.0:
        return FAR
    t = middle - math.sqrt(depth / a)
    return t if near < t < far else FAR


@scalar
def _frustum(top, lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    middle = 0.5 * (1.0 + top)
    slope = 0.5 * (top - 1.0)
    best = FAR
    face = ROUND
    radius = middle + slope * lz
    growth = slope * ez
    a = ex * ex + ey * ey - growth * growth
    b = lx * ex + ly * ey - radius * growth
    c = lx * lx + ly * ly - radius * radius
    inside = b * b - a * c
    if inside >= 0.0 and abs(a) > TINY:
        root = math.sqrt(inside)
        for sign in (-1.0, 1.0):
            t = (-b + sign * root) / a
            if near < t < far and t < best and abs(lz + t * ez) < 1.0:
                best = t
    if abs(ez) > TINY:
        for end in (-1.0, 1.0):
            t = (end - lz) / ez
            if near < t < far and t < best:
                x = lx + t * ex
                y = ly + t * ey
                r = middle + slope * end
                if x * x + y * y < r * r:
                    best = t
                    face = FACE_Z
    return best, face


@scalar
def _capsule(half, lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    a = ex * ex + ey * ey
    end = half if lz > 0.0 else -half
    if a > TINY:
        middle = -(lx * ex + ly * ey) / a
        px = lx + middle * ex
        py = ly + middle * ey
        depth = 1.0 - (px * px + py * py)
        if depth < 0.0:
            return FAR
        t = middle - math.sqrt(depth / a)
        z = lz + t * ez
        if abs(z) <= half:
            return t if near < t < far else FAR
        end = half if z > 0.0 else -half
    return _ball(lx, ly, lz - end, ex, ey, ez, near, far)


@scalar
def _prism(lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    enter = -FAR
    leave = FAR
    face = FACE_Y
    for side in range(5):  # the outward normals and the distances of the planes
        if side < 2:
            sign = 1.0 if side == 0 else -1.0
            along = sign * ey
            room = 1.0 - sign * ly
        elif side == 2:
            along = -ez
            room = 1.0 + lz
        else:
            sign = 1.0 if side == 3 else -1.0
            along = 2.0 * sign * ex + ez
            room = 1.0 - (2.0 * sign * lx + lz)
        if abs(along) < TINY:
            if room < 0.0:
                return FAR, face
        elif along < 0.0:
            if room / along > enter:
                enter = room / along
                face = FACE_Y if side < 2 else (FACE_Z if side == 2 else (SLOPE_RIGHT if side == 3 else SLOPE_LEFT))
        else:
            leave = min(leave, room / along)
    if enter > leave or enter <= near or enter >= far:
        return FAR, face
    return enter, face


@scalar
def _card(shape, lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    if abs(ez) < TINY:
        return FAR
    t = -lz / ez
    if t <= near or t >= far:
        return FAR
    x = lx + t * ex
    y = ly + t * ey
    if abs(x) > 1.0 or abs(y) > 1.0 or _is_cut_out(shape, x, y):
        return FAR
    return t


@scalar
def _is_cut_out(shape, x, y):  # type: ignore[no-untyped-def]
    """Whether a card has a hole there: a leaf (`shape` < 2), a mesh of wires or blades of grass."""
    if shape < 2.0:
        taper = 1.0 - shape * y  # an ellipse at 0, pointed towards +y at 1
        return x * x > (1.0 - y * y) * min(1.0, taper * taper)
    if shape < BLADES:
        u = (x + y) * shape * 0.5
        v = (x - y) * shape * 0.5
        u -= math.floor(u)
        v -= math.floor(v)
        return u > MESH_WIRE and v > MESH_WIRE
    blades = shape - BLADES
    rise = 0.5 * (y + 1.0)
    bent = (x + 1.0) * 0.5 * blades + 0.8 * rise * rise * math.sin(blades + 3.0 * math.floor(2.0 * x))
    blade = math.floor(bent)
    tall = 0.55 + 0.45 * math.sin(blade * 12.9898 + shape)
    return abs(bent - blade - 0.5) > 0.45 * (1.0 - rise / max(tall, 0.2))


@scalar
def field(kind, shape, x, y, z):  # type: ignore[no-untyped-def]
    """A lower bound of the distance to a shape in its unit cube, negative inside."""
    if kind == TORUS:
        ring = math.sqrt(x * x + y * y) - (1.0 - shape)
        height = z * shape  # the map's third size is the tube's own radius, so that boxes around it are tight
        return math.sqrt(ring * ring + height * height) - shape
    if kind == ROUNDED:
        qx = max(abs(x) - 1.0 + shape, 0.0)
        qy = max(abs(y) - 1.0 + shape, 0.0)
        qz = max(abs(z) - 1.0 + shape, 0.0)
        return math.sqrt(qx * qx + qy * qy + qz * qz) - shape
    if kind == LATHE:
        rho = math.sqrt(x * x + y * y)
        turn = shape + z * (1.2 + (3.7 * shape) % 2.6)
        profile = 0.62 + 0.36 * math.sin(turn)
        return max((rho - profile) * 0.58, abs(z) - 1.0)
    ripple = _wave(0.43 * x + shape) * _wave(0.49 * y + 0.7 * shape) * _wave(0.46 * z + 0.3 * shape)
    ripple += 0.5 * _wave(0.84 * x + 0.1 * shape) * _wave(0.94 * y + shape) * _wave(0.81 * z - shape)
    return (math.sqrt(x * x + y * y + z * z) - BLOB_RADIUS - BLOB_RIPPLE * ripple) * 0.62


@scalar
def _wave(x):  # type: ignore[no-untyped-def]
    """Nearly sin(2 pi x), of two parabolas."""
    x -= math.floor(x)
    return 16.0 * x * (0.5 - x) if x < 0.5 else -16.0 * (x - 0.5) * (1.0 - x)


@scalar
def _field(kind, shape, lx, ly, lz, ex, ey, ez, near, far):  # type: ignore[no-untyped-def]
    """Sphere tracing (Hart 1996, doi:10.1007/s003710050084) through the unit cube, then false position."""
    ix = 1.0 / (ex if abs(ex) > TINY else TINY)
    iy = 1.0 / (ey if abs(ey) > TINY else TINY)
    iz = 1.0 / (ez if abs(ez) > TINY else TINY)
    enter = max(-lx * ix - abs(ix), max(-ly * iy - abs(iy), -lz * iz - abs(iz)))
    leave = min(-lx * ix + abs(ix), min(-ly * iy + abs(iy), -lz * iz + abs(iz)))
    square = ex * ex + ey * ey + ez * ez
    if kind == BLOB:  # it fills a ball rather than the cube
        middle = -(lx * ex + ly * ey + lz * ez) / square
        px, py, pz = lx + middle * ex, ly + middle * ey, lz + middle * ez
        depth = BLOB_REACH * BLOB_REACH - (px * px + py * py + pz * pz)
        if depth < 0.0:
            return FAR
        half = math.sqrt(depth / square)
        enter, leave = max(enter, middle - half), min(leave, middle + half)
    if enter > leave or leave <= near or enter >= far:
        return FAR
    speed = math.sqrt(square)
    t = max(enter, near)
    before, t_before = FAR, t
    for _ in range(FIELD_STEPS):
        distance = field(kind, shape, lx + t * ex, ly + t * ey, lz + t * ez)
        if distance < FIELD_HIT:
            break
        step = distance / speed
        if distance < FIELD_CLOSE and distance < before and t > t_before:
            # Close to the surface, along the secant: it converges where a lower bound would only creep.
            step = min(4.0 * step, distance * (t - t_before) / (before - distance))
        before, t_before = distance, t
        t += step
        if t > leave:
            return FAR
    else:
        return FAR
    if distance < -FIELD_HIT and before < FAR:  # a little past it: back between the last two places
        low, high = t_before, t
        for _ in range(FIELD_STEPS):
            t = low + (high - low) * min(0.9, max(0.1, before / (before - distance)))
            value = field(kind, shape, lx + t * ex, ly + t * ey, lz + t * ez)
            if abs(value) < FIELD_HIT:
                break
            if value > 0.0:
                low, before = t, value
            else:
                high, distance = t, value
    return t if near < t < far else FAR


@scalar
def march(heights, ground, ox, oy, oz, dx, dy, dz, far):  # type: ignore[no-untyped-def]
    """First t at which a ray meets the terrain; `far`, m along a unit direction, bounds it; FAR if it does not."""
    spacing, ceiling = ground[SPACING], ground[CEILING]
    closing = ground[STEEPEST] * math.sqrt(dx * dx + dy * dy) - dz  # how fast ray and ground can come together
    if closing <= 0.0:
        return FAR
    t = MARCH_START
    last = min(far, MARCH_END)
    if oz > ceiling:  # skip the air above the highest hill
        if dz >= 0.0:
            return FAR
        t = max(t, (ceiling - oz) / dz)
    if dz > 0.0:
        last = min(last, (ceiling - oz) / dz)
    before = t
    for _ in range(MARCH_STEPS):
        if t > last:
            return FAR
        above = oz + dz * t - height_at(heights, spacing, ox + dx * t, oy + dy * t)
        if above < 0.0:
            for _ in range(BISECTIONS):
                middle = 0.5 * (before + t)
                if oz + dz * middle < height_at(heights, spacing, ox + dx * middle, oy + dy * middle):
                    t = middle
                else:
                    before = middle
            return t
        before = t
        t += max(MARCH_GROWTH * t, above / closing)
    return FAR


@scalar
def from_world(m, i, px, py, pz):  # type: ignore[no-untyped-def]
    """A world direction (or a place less the centre) in the space of primitive i; `m` are the numbers."""
    return (
        m[i, 0] * px + m[i, 1] * py + m[i, 2] * pz,
        m[i, 3] * px + m[i, 4] * py + m[i, 5] * pz,
        m[i, 6] * px + m[i, 7] * py + m[i, 8] * pz,
    )


@scalar
def local_normal(kind, shape, face, x, y, z):  # type: ignore[no-untyped-def]
    """The outward normal (of any length) at a point of the unit shape, in its own space."""
    if face == FACE_X:
        return math.copysign(1.0, x), 0.0, 0.0
    if face == FACE_Y:
        return 0.0, math.copysign(1.0, y), 0.0
    if face == FACE_Z:
        return 0.0, 0.0, math.copysign(1.0, z)
    if face == SLOPE_RIGHT:
        return 2.0, 0.0, 1.0
    if face == SLOPE_LEFT:
        return -2.0, 0.0, 1.0
    if kind == ELLIPSOID:
        return x, y, z
    if kind == CAPSULE:
        return x, y, z - min(max(z, -shape), shape)
    if kind == FRUSTUM:
        slope = 0.5 * (shape - 1.0)
        return x, y, -slope * (0.5 * (1.0 + shape) + slope * z)
    e = FIELD_EPSILON
    return (
        field(kind, shape, x + e, y, z) - field(kind, shape, x - e, y, z),
        field(kind, shape, x, y + e, z) - field(kind, shape, x, y - e, z),
        field(kind, shape, x, y, z + e) - field(kind, shape, x, y, z - e),
    )


@scalar
def meet(marks, numbers, i, ox, oy, oz, dx, dy, dz, near, far):  # type: ignore[no-untyped-def]
    """`intersect` for primitive i and a ray of unit direction in the world, after a look at its ball."""
    px = ox - numbers[i, CENTRE]
    py = oy - numbers[i, CENTRE + 1]
    pz = oz - numbers[i, CENTRE + 2]
    radius = numbers[i, RADIUS]
    along = px * dx + py * dy + pz * dz
    if along > radius or -along > far + radius:
        return FAR, FACE_Z
    if px * px + py * py + pz * pz - along * along > radius * radius:
        return FAR, FACE_Z
    lx, ly, lz = from_world(numbers, i, px, py, pz)
    ex, ey, ez = from_world(numbers, i, dx, dy, dz)
    return intersect(marks[i, KIND], numbers[i, SHAPE], lx, ly, lz, ex, ey, ez, near, far)


@scalar
def is_occluded(marks, numbers, members, row, count, ox, oy, oz, dx, dy, dz, reach):  # type: ignore[no-untyped-def]
    """Whether any of the first `count` of `members[row]` lies within `reach` m along a unit direction.

    A blob counts as the ball that it ripples about: its shadow is as good, at a tenth of the price.
    """
    for at in range(count):
        i = members[row, at]
        if marks[i, KIND] == BLOB:
            lx, ly, lz = from_world(
                numbers, i, ox - numbers[i, CENTRE], oy - numbers[i, CENTRE + 1], oz - numbers[i, CENTRE + 2]
            )
            ex, ey, ez = from_world(numbers, i, dx, dy, dz)
            scale = 1.0 / BLOB_RADIUS
            t = _ball(lx * scale, ly * scale, lz * scale, ex * scale, ey * scale, ez * scale, 1e-4, reach)
        else:
            t, _ = meet(marks, numbers, i, ox, oy, oz, dx, dy, dz, 1e-4, reach)
        if t < FAR:
            return True
    return False
