"""What a surface looks like before light falls on it, and the sky: scalar functions of places and directions."""

import math

from vergence.synthetic.render.intersect import (
    FACE_X,
    FACE_Y,
    FACE_Z,
    LATHE,
    ROOM,
    ROUND,
    ROUNDED,
    TERRAIN,
    scalar,
)

TILE = 128  # texels a side of a drawn tile
COARSEST = 4  # texels a side of the last level of detail; each level is half the one before
LEVEL_TEXELS = (4 * TILE**2 - COARSEST**2) // 3  # of all levels of a drawn tile
SHARPEST = 1.4  # texels a pixel may step before a coarser level is taken
GRAZING = 0.15  # least cosine that counts for it: a little aliasing before a lot of blur

# Columns of a material.
RED, GREEN, BLUE = 0, 1, 2  # linear reflectance
TEXTURED = 3  # share of the texture in the colour
SCALE = 4  # m covered by a tile
COS, SIN, SHIFT_U, SHIFT_V = 5, 6, 7, 8  # how it lies
SHINE, GLOSS = 9, 10  # highlight and its exponent
DIRT, DIRT_SCALE = 11, 12  # share, 1/m
GLOW = 13  # light of its own
BUMP = 14  # tilt of the normal
MIRROR = 15  # share reflected
CLEAR = 16  # share of what lies behind
FIRST, SIDE = 17, 18  # the tile: its first texel, and texels a side of its finest level, a power of two
COLUMNS = 19

# Entries of a sky.
ZENITH, HORIZON, SUN, CLOUDS, CLOUD_SCALE, CLOUD_SEED, SUN_GLOW = 0, 3, 6, 9, 10, 11, 12
SKY_ENTRIES = 13


@scalar
def _hash(x, y, z):  # type: ignore[no-untyped-def]
    n = (x * 374761393 + y * 668265263 + z * 1274126177) & 0x7FFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0x7FFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@scalar
def noise(x, y, z):  # type: ignore[no-untyped-def]
    """Value noise, 0..1, of features one unit wide."""
    floor_x, floor_y, floor_z = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(floor_x), int(floor_y), int(floor_z)
    x -= floor_x
    y -= floor_y
    z -= floor_z
    x = x * x * (3.0 - 2.0 * x)
    y = y * y * (3.0 - 2.0 * y)
    z = z * z * (3.0 - 2.0 * z)
    a = _hash(i, j, k) * (1.0 - x) + _hash(i + 1, j, k) * x
    b = _hash(i, j + 1, k) * (1.0 - x) + _hash(i + 1, j + 1, k) * x
    c = _hash(i, j, k + 1) * (1.0 - x) + _hash(i + 1, j, k + 1) * x
    d = _hash(i, j + 1, k + 1) * (1.0 - x) + _hash(i + 1, j + 1, k + 1) * x
    return (a * (1.0 - y) + b * y) * (1.0 - z) + (c * (1.0 - y) + d * y) * z


@scalar
def level_of(first, n, step):  # type: ignore[no-untyped-def]
    """The level of detail at which a pixel steps about one texel: (its first texel, texels a side).

    `first` and `n` are of the tile's finest level, where a pixel steps `step` texels.
    """
    while step > SHARPEST and n > COARSEST:
        step *= 0.5
        first += n * n
        n >>= 1
    return first, n


@scalar
def texel(texels, first, n, u, v):  # type: ignore[no-untyped-def]
    """Linear colour at (u, v) of the n x n texels from `first` on, bilinear and periodic; (m, 3) uint8, sRGB-like."""
    u = (u - math.floor(u)) * n - 0.5
    v = (v - math.floor(v)) * n - 0.5
    floor_u = math.floor(u)
    floor_v = math.floor(v)
    a = u - floor_u
    b = v - floor_v
    i = int(floor_u) & (n - 1)
    j = int(floor_v) & (n - 1)
    top = first + j * n
    bottom = first + ((j + 1) & (n - 1)) * n
    ii = (i + 1) & (n - 1)
    w00 = (1.0 - a) * (1.0 - b) / 255.0
    w01 = a * (1.0 - b) / 255.0
    w10 = (1.0 - a) * b / 255.0
    w11 = a * b / 255.0
    red = (
        texels[top + i, 0] * w00
        + texels[top + ii, 0] * w01
        + texels[bottom + i, 0] * w10
        + texels[bottom + ii, 0] * w11
    )
    green = (
        texels[top + i, 1] * w00
        + texels[top + ii, 1] * w01
        + texels[bottom + i, 1] * w10
        + texels[bottom + ii, 1] * w11
    )
    blue = (
        texels[top + i, 2] * w00
        + texels[top + ii, 2] * w01
        + texels[bottom + i, 2] * w10
        + texels[bottom + ii, 2] * w11
    )
    return red * red, green * green, blue * blue


@scalar
def sky_radiance(air, sky, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Linear colour of the sky, whose entries begin at air[sky], along a unit direction."""
    rise = math.sqrt(max(dz, 0.0))
    facing = max(0.0, dx * air[sky + SUN] + dy * air[sky + SUN + 1] + dz * air[sky + SUN + 2])
    cloud = 0.0
    if air[sky + CLOUDS] > 0.0 and dz > 0.02:
        x = dx / (dz + 0.1) * air[sky + CLOUD_SCALE]
        y = dy / (dz + 0.1) * air[sky + CLOUD_SCALE]
        seed = air[sky + CLOUD_SEED]
        puff = 0.5 * noise(x, y, seed) + 0.28 * noise(2.1 * x, 2.1 * y, seed + 7.0)
        puff += 0.22 * noise(4.3 * x, 4.3 * y, seed + 9.0)
        cloud = min(1.0, max(0.0, (puff - 1.0 + air[sky + CLOUDS]) * 4.0)) * min(1.0, dz * 8.0)
    glow = facing**64 * air[sky + SUN_GLOW]
    white = 0.95 * max(air[sky + HORIZON], 0.4) * cloud
    red = (air[sky + HORIZON] * (1.0 - rise) + air[sky + ZENITH] * rise) * (1.0 - cloud) + white + glow
    green = (air[sky + HORIZON + 1] * (1.0 - rise) + air[sky + ZENITH + 1] * rise) * (1.0 - cloud) + white + 0.95 * glow
    blue = (air[sky + HORIZON + 2] * (1.0 - rise) + air[sky + ZENITH + 2] * rise) * (1.0 - cloud) + white + 0.8 * glow
    return red, green, blue


@scalar
def unwrap(kind, face, x, y, z, nx, ny, nz, wide, deep, tall):  # type: ignore[no-untyped-def]
    """Where a point of the unit shape lies on its texture, m; n is the local normal; half sizes in m."""
    if face == ROUND and kind == ROUNDED:
        if abs(nx) > abs(ny) and abs(nx) > abs(nz):
            face = FACE_X
        elif abs(ny) > abs(nz):
            face = FACE_Y
        else:
            face = FACE_Z
    if face == FACE_X:
        return y * deep + 0.37 * x, -z * tall
    if face == FACE_Y:
        return x * wide + 0.21 * y, -z * tall
    if face == FACE_Z:
        return x * wide, y * deep
    if face != ROUND:  # the slopes of a roof
        return y * deep, -z * math.sqrt(tall * tall + 0.25 * wide * wide)
    along = -z * tall if kind != LATHE else -z * tall * 0.8
    return math.atan2(y, x) * wide, along


@scalar
def colour(materials, row, texels, u, v, footprint, hx, hy, hz):  # type: ignore[no-untyped-def]
    """Linear reflectance at texture place (u, v) and world place h; `footprint` is a pixel's width there, m."""
    share = materials[row, TEXTURED]
    red, green, blue = 0.0, 0.0, 0.0
    if share > 0.0:
        inverse = 1.0 / materials[row, SCALE]
        a = (materials[row, COS] * u - materials[row, SIN] * v) * inverse + materials[row, SHIFT_U]
        b = (materials[row, SIN] * u + materials[row, COS] * v) * inverse + materials[row, SHIFT_V]
        side = materials[row, SIDE]
        first, n = level_of(int(materials[row, FIRST]), int(side), footprint * inverse * side)
        red, green, blue = texel(texels, first, n, a, b)
    clean = 1.0
    if materials[row, DIRT] > 0.0:
        scale = materials[row, DIRT_SCALE]
        clean = 1.0 - materials[row, DIRT] * noise(hx * scale, hy * scale, hz * scale)
    return (
        (materials[row, RED] * (1.0 - share) + red * share) * clean,
        (materials[row, GREEN] * (1.0 - share) + green * share) * clean,
        (materials[row, BLUE] * (1.0 - share) + blue * share) * clean,
    )


@scalar
def material_of(kind, face, first, z):  # type: ignore[no-untyped-def]
    """The row of the material: a room has three, of its floor, its ceiling and its walls."""
    if kind == ROOM:
        if face == FACE_Z:
            return first if z < 0.0 else first + 1
        return first + 2
    return first


@scalar
def patches(kind, hx, hy):  # type: ignore[no-untyped-def]
    """Brightness of large patches of open land."""
    return 0.75 + 0.5 * noise(0.35 * hx, 0.35 * hy, 3.0) if kind == TERRAIN else 1.0
