"""Compiled kernels of the preview: light on the figure, its shadow on the floor, samples to pixels.

One warm light with a shadow map (Williams 1978) sampled with a tent, ambient light from a sky and a floor
(hemisphere), an edge of light from behind. Colours are linear until the last step.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True)
def _lit(shadow: np.ndarray, x: float, y: float, z: float) -> float:
    """Share of the light that reaches a point of the shadow map, 0..1: sixteen texels under a tent."""
    height, width = shadow.shape
    fx, fy = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    if fx < 1 or fy < 1 or fx >= width - 3 or fy >= height - 3:
        return 1.0
    u, v = x - 0.5 - fx, y - 0.5 - fy
    total = 0.0
    for j in range(4):
        wy = (1 - v if j == 0 else (1.0 if j < 3 else v)) / 3.0
        for i in range(4):
            wx = (1 - u if i == 0 else (1.0 if i < 3 else u)) / 3.0
            if shadow[fy - 1 + j, fx - 1 + i] <= z:
                total += wx * wy
    return total


@numba.njit(cache=True, fastmath=True)
def _shade(
    t: int, x: float, y: float, screen: np.ndarray, points: np.ndarray, normals: np.ndarray,
    colours: np.ndarray, occlusion: np.ndarray, triangles: np.ndarray, part: np.ndarray,
    materials: np.ndarray, light_at: np.ndarray, shadow: np.ndarray, eye: np.ndarray, lights: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """The linear colour that triangle `t` has at a place on the screen."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0 = screen[a, 0], screen[a, 1]
    x1, y1 = screen[b, 0] - x0, screen[b, 1] - y0
    x2, y2 = screen[c, 0] - x0, screen[c, 1] - y0
    inverse = 1.0 / (x1 * y2 - x2 * y1)
    v = ((x - x0) * y2 - x2 * (y - y0)) * inverse
    w = (x1 * (y - y0) - (x - x0) * y1) * inverse
    v, w = max(v, 0.0), max(w, 0.0)
    if v + w > 1.0:  # beside the triangle
        scale = 1.0 / (v + w)
        v, w = v * scale, w * scale
    u = 1 - v - w
    nx = u * normals[a, 0] + v * normals[b, 0] + w * normals[c, 0]
    ny = u * normals[a, 1] + v * normals[b, 1] + w * normals[c, 1]
    nz = u * normals[a, 2] + v * normals[b, 2] + w * normals[c, 2]
    scale = 1.0 / np.sqrt(max(nx * nx + ny * ny + nz * nz, 1e-12))
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    open_ = u * occlusion[a] + v * occlusion[b] + w * occlusion[c]
    # Towards the eye.
    ex = eye[0] - (u * points[a, 0] + v * points[b, 0] + w * points[c, 0])
    ey = eye[1] - (u * points[a, 1] + v * points[b, 1] + w * points[c, 1])
    ez = eye[2] - (u * points[a, 2] + v * points[b, 2] + w * points[c, 2])
    scale = 1.0 / np.sqrt(ex * ex + ey * ey + ez * ez)
    ex, ey, ez = ex * scale, ey * scale, ez * scale
    m = part[t]
    soft, gloss, tight, sheen = materials[m, 0], materials[m, 1], materials[m, 2], materials[m, 3]
    # Rows of `lights`: direction and colour of the key; of the rim; colours of sky, floor.
    cosine = nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]
    direct = max(0.0, (cosine + soft) / (1 + soft))
    if direct > 0.0:
        lx = u * light_at[a, 0] + v * light_at[b, 0] + w * light_at[c, 0]
        ly = u * light_at[a, 1] + v * light_at[b, 1] + w * light_at[c, 1]
        lz = u * light_at[a, 2] + v * light_at[b, 2] + w * light_at[c, 2]
        bias = 0.010 + 0.020 * (1 - max(0.0, cosine))
        lit = _lit(shadow, lx, ly, lz + bias)
    else:
        lit = 0.0
    direct *= lit * (0.55 + 0.45 * open_)
    up = 0.5 + 0.5 * ny
    facing = max(0.0, nx * ex + ny * ey + nz * ez)
    edge = (1 - facing) ** 3
    back = max(0.0, nx * lights[2, 0] + ny * lights[2, 1] + nz * lights[2, 2]) * edge * open_
    hx, hy, hz = ex + lights[0, 0], ey + lights[0, 1], ez + lights[0, 2]
    scale = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz)
    shine = 0.0
    if gloss > 0.0:
        high = max(0.0, (nx * hx + ny * hy + nz * hz) * scale)
        shine = gloss * high**tight * lit * open_
    # Where light has gone through skin it comes out red.
    warm = soft * (1 - abs(2 * direct - 1)) * 0.5
    for k in range(3):
        colour = u * colours[a, k] + v * colours[b, k] + w * colours[c, k]
        ambient = (lights[5, k] + (lights[4, k] - lights[5, k]) * up) * open_
        # Occluded places take light from the surface itself: they are saturated, not grey.
        ambient *= 1 + 0.35 * (1 - open_) * colour
        bleed = warm * lit * (0.10 if k == 0 else (0.01 if k == 1 else 0.0))
        total = colour * (ambient + direct * lights[1, k] + bleed)
        total += back * lights[3, k] * (0.25 + 0.75 * colour)
        total += shine * lights[1, k] + sheen * edge * colour * open_ * 0.6
        out[k] = total


@numba.njit(cache=True, fastmath=True)
def resolve(
    frame: np.ndarray, shown: np.ndarray, nearest: np.ndarray, floor: np.ndarray, curve: np.ndarray,
    top: int, bottom: int, left: int, right: int, screen: np.ndarray, points: np.ndarray,
    normals: np.ndarray, colours: np.ndarray, occlusion: np.ndarray, triangles: np.ndarray,
    part: np.ndarray, materials: np.ndarray, light_at: np.ndarray, shadow: np.ndarray, eye: np.ndarray,
    lights: np.ndarray,
) -> None:  # fmt: skip
    """Pixels of the figure, uint8 (H, W, 3), of four samples each.

    floor: linear colours behind the figure (H, W, 3). curve: uint8, of linear colours in 1 / 4096ths. Where a
    pixel shows one smooth surface it is shaded once.
    """
    one, sums = np.empty(3, np.float64), np.empty(3, np.float64)
    most = curve.shape[0] - 1
    for y in range(top, bottom):
        for x in range(left, right):
            covered = 0
            low, high = 1e9, 0.0
            detail = False
            first = -1
            for j in range(2):
                for i in range(2):
                    t = shown[2 * y + j, 2 * x + i]
                    if t >= 0:
                        covered += 1
                        near = nearest[2 * y + j, 2 * x + i]
                        low, high = min(low, near), max(high, near)
                        if materials[part[t], 4] > 0:
                            detail = True
                        if first >= 0 and part[t] != part[first]:
                            detail = True
                        first = t
            if covered == 0:
                continue
            if covered == 4 and not detail and 1 / low - 1 / high < 0.012:
                _shade(first, 2 * x + 0.5, 2 * y + 0.5, screen, points, normals, colours, occlusion,
                       triangles, part, materials, light_at, shadow, eye, lights, one)  # fmt: skip
                for k in range(3):
                    frame[y, x, k] = curve[min(most, max(0, int(one[k] * 4096)))]
                continue
            for k in range(3):
                sums[k] = 0.0
            for j in range(2):
                for i in range(2):
                    t = shown[2 * y + j, 2 * x + i]
                    if t >= 0:
                        _shade(t, 2 * x + i, 2 * y + j, screen, points, normals, colours, occlusion,
                               triangles, part, materials, light_at, shadow, eye, lights, one)  # fmt: skip
                        for k in range(3):
                            sums[k] += curve[min(most, max(0, int(one[k] * 4096)))]
                    else:
                        for k in range(3):
                            sums[k] += curve[min(most, max(0, int(floor[y, x, k] * 4096)))]
            for k in range(3):
                frame[y, x, k] = int(sums[k] * 0.25 + 0.5)


@numba.njit(cache=True, fastmath=True)
def blur(picture: np.ndarray, radius: int, rounds: int) -> None:
    """A box of 2 * radius + 1 texels, `rounds` times, along both axes, in place: float32 (H, W)."""
    height, width = picture.shape
    line = np.empty(max(height, width), np.float32)
    scale = np.float32(1.0 / (2 * radius + 1))
    for _ in range(rounds):
        for y in range(height):
            total = np.float32(0.0)
            for x in range(min(radius, width)):
                total += picture[y, x]
            for x in range(width):
                if x + radius < width:
                    total += picture[y, x + radius]
                if x - radius - 1 >= 0:
                    total -= picture[y, x - radius - 1]
                line[x] = total * scale
            for x in range(width):
                picture[y, x] = line[x]
        for x in range(width):
            total = np.float32(0.0)
            for y in range(min(radius, height)):
                total += picture[y, x]
            for y in range(height):
                if y + radius < height:
                    total += picture[y + radius, x]
                if y - radius - 1 >= 0:
                    total -= picture[y - radius - 1, x]
                line[y] = total * scale
            for y in range(height):
                picture[y, x] = line[y]


@numba.njit(cache=True, fastmath=True)
def lay_shadow(
    frame: np.ndarray, behind: np.ndarray, floor: np.ndarray, ground: np.ndarray, sharp: np.ndarray,
    wide: np.ndarray, high: np.ndarray, place: np.ndarray, feet: np.ndarray, curve: np.ndarray,
    tint: np.ndarray,
) -> None:  # fmt: skip
    """The floor with the figure's shadow, into `floor` (linear) and `frame` (uint8), (H, W, 3).

    behind: the same without a shadow. ground: where a pixel sees the floor, x and z in m, and how much of it
    is floor (H, W, 3). sharp, wide, high: shadow, its blur, and the blurred height of what casts it (m), over
    `place`: x and z of the first texel and texels per m. feet: (N, 3), x, z and weight of what stands there.
    tint: how much of each colour a full shadow takes.
    """
    height, width = frame.shape[:2]
    rows, columns = sharp.shape
    most = curve.shape[0] - 1
    for y in range(height):
        for x in range(width):
            share = ground[y, x, 2]
            if share <= 0.0:
                continue
            dark = 0.0
            gx, gz = ground[y, x, 0], ground[y, x, 1]
            u, v = (gx - place[0]) * place[2], (gz - place[1]) * place[2]
            if 1 <= u < columns - 2 and 1 <= v < rows - 2:
                i, j = int(u), int(v)
                s, t = u - i, v - j
                w00, w10, w01, w11 = (1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t
                near = (
                    w00 * sharp[j, i]
                    + w10 * sharp[j, i + 1]
                    + w01 * sharp[j + 1, i]
                    + w11 * sharp[j + 1, i + 1]
                )
                far = (
                    w00 * wide[j, i] + w10 * wide[j, i + 1] + w01 * wide[j + 1, i] + w11 * wide[j + 1, i + 1]
                )
                if far > 1e-4:
                    tall = (
                        w00 * high[j, i]
                        + w10 * high[j, i + 1]
                        + w01 * high[j + 1, i]
                        + w11 * high[j + 1, i + 1]
                    )
                    rise = min(1.0, max(0.0, tall / far / 0.8))
                    dark = near + (far - near) * np.sqrt(rise)
                    dark *= 1 - 0.45 * rise
            under = 0.0
            for f in range(feet.shape[0]):
                dx, dz = gx - feet[f, 0], gz - feet[f, 1]
                away = (dx * dx + dz * dz) / feet[f, 3]
                if away < 7.0:
                    under += feet[f, 2] * np.exp(-away)
            dark = 1 - (1 - 0.62 * dark) * (1 - min(0.75, under))
            dark *= share
            if dark > 0.002:
                for k in range(3):
                    value = behind[y, x, k] * (1 - dark * tint[k])
                    floor[y, x, k] = value
                    frame[y, x, k] = curve[min(most, max(0, int(value * 4096)))]
            elif floor[y, x, 0] != behind[y, x, 0]:
                for k in range(3):
                    floor[y, x, k] = behind[y, x, k]
