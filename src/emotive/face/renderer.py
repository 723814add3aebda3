"""A portrait that moves: blendshapes, head and gaze in, frames out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from emotive.errors import InputError
from emotive.signals import ARKIT, FaceMotion

from . import mouth, teeth
from .eye_plates import make_eye_plate
from .eyes import draw_eye, lid_heights
from .frame import FaceFrame
from .head_pose import outline_share, pose
from .landmarks import FaceLandmarks
from .measures import measure
from .mesh import build_mesh
from .plates import make_plates
from .portrait import Portrait
from .raster import lay_over, rasterize, shade
from .rest import removal, worn
from .shading import Shading
from .shapes import INDEX, build_shapes, displace, effective

SMALLEST, LARGEST = 64, 2048
GREY = 12  # of 255: the range of a pixel's channels up to which a face is a black-and-white picture
TEETH_SHOW = 0.03  # face units of opening from which a portrait's own teeth are kept
EYEBALL = 2.0  # radii of the iris: 12 mm of 5.9


def squared(portrait: Portrait) -> Portrait:
    """The portrait cut to a square around the face: the whole shorter side, moved along the longer one."""
    height, width = portrait.image.shape[:2]
    if height == width:
        return portrait
    side = min(height, width)
    centre = portrait.landmarks.oval[:, :2].mean(0)
    # A head sits a little above the middle of its picture.
    x = int(np.clip(round(float(centre[0]) - side / 2), 0, width - side))
    y = int(np.clip(round(float(centre[1]) - 0.46 * side), 0, height - side))
    cut = np.s_[y : y + side, x : x + side]
    layers = {name: getattr(portrait, name) for name in ("backdrop", "head", "sclera")}
    return replace(
        portrait,
        image=np.ascontiguousarray(portrait.image[cut]),
        landmarks=moved(portrait.landmarks, 1.0, -x, -y),
        **{
            name: None if layer is None else np.ascontiguousarray(layer[cut])
            for name, layer in layers.items()
        },
    )


def moved(landmarks: FaceLandmarks, scale: float, dx: float = 0.0, dy: float = 0.0) -> FaceLandmarks:
    """Landmarks in a picture that was scaled, and shifted by pixels of the new one."""
    # Pixel centres lie at whole numbers, so that a picture's edge is at -0.5.
    shift = np.array([dx + (scale - 1) / 2, dy + (scale - 1) / 2, 0], np.float32)

    def new(points: np.ndarray) -> np.ndarray:
        return (points * np.float32(scale) + shift).astype(np.float32)

    return FaceLandmarks(
        *(new(getattr(landmarks, part)) for part in ("oval", "brows", "eyes", "irises", "lips", "nose"))
    )


def _resized(portrait: Portrait, size: int) -> Portrait:
    side = portrait.image.shape[0]
    if side == size:
        return portrait
    way = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC

    def new(layer: np.ndarray | None) -> np.ndarray | None:
        return None if layer is None else cv2.resize(layer, (size, size), interpolation=way)

    return replace(
        portrait, image=cv2.resize(portrait.image, (size, size), interpolation=way),
        landmarks=moved(portrait.landmarks, size / side),
        backdrop=new(portrait.backdrop), head=new(portrait.head), sclera=new(portrait.sclera),
    )  # fmt: skip


def _grey(colours: np.ndarray) -> np.ndarray:
    """RGB (..., 3) without its colour (Rec. 709 luma)."""
    return np.repeat(colours @ np.array([[0.2126], [0.7152], [0.0722]], colours.dtype), 3, -1)


class PortraitRenderer:
    """Draws a portrait with any expression, head pose and gaze.

    portrait: one that is not square is cut to a square around the face (`squared`).
    size: side of the frames in pixels, 64..2048.

    What the portrait does not bring (background, whites of the eyes) is estimated from it once, in about half
    a second; the first frame after an installation takes some seconds more, while the kernels compile. An
    expression that the portrait wears is taken off first. A renderer is for one thread at a time.

    Raises InputError for a size out of range, and for eyes whose outer corners are less than 12 pixels apart.
    """

    def __init__(self, portrait: Portrait, size: int = 512) -> None:
        if not isinstance(size, int | np.integer) or not SMALLEST <= size <= LARGEST:
            raise InputError(
                f"size must be a whole number of pixels in {SMALLEST}..{LARGEST}, not {size!r:.40}"
            )
        if not portrait.landmarks.eye_distance >= 12:
            raise InputError("the face in the portrait is too small to be moved; take a larger picture of it")
        self.size = int(size)
        self.portrait = _resized(squared(portrait), self.size)
        image, landmarks = self.portrait.image, self.portrait.landmarks
        self.frame = FaceFrame.of(landmarks)
        self.mesh = build_mesh(landmarks, self.frame, (self.size, self.size))
        self._measures = m = measure(landmarks, self.frame, self.mesh)
        self.basis = build_shapes(m, self.mesh)
        self.worn = worn(m)
        self._rest = self.mesh.points + removal(self.worn, self.basis.bases)
        self._outline = outline_share(self.mesh.points)
        plates = make_plates(image, landmarks, self.frame, self.portrait.head, self.portrait.backdrop)
        self._backdrop, self._base = plates.backdrop, plates.texture
        self._texture = self._base.copy()
        self._place_mesh(plates.follow)
        self._shading = Shading(m, self.frame, image, landmarks, self.worn)
        sclera, irises = self.portrait.sclera, self.portrait.irises
        self._eyes = tuple(
            make_eye_plate(image, landmarks, self.frame, eye, sclera, None if irises is None else irises[eye])
            for eye in range(2)
        )
        self._prepare_mouth(image)
        self._lashes = np.stack([self._lash_colour(image, eye) for eye in range(2)])
        self._map_x = np.empty((self.size, self.size), np.float32)
        self._map_y = np.empty_like(self._map_x)
        self._nearest = np.empty_like(self._map_x)

    def _place_mesh(self, follow: np.ndarray) -> None:
        source = self.frame.to_picture(self.mesh.points[:, :2])
        self._source = np.ascontiguousarray(source.astype(np.float32))
        column, row = np.clip(np.round(source).astype(int), 0, self.size - 1).T
        self._share = follow[row, column].astype(float)
        inner = cv2.dilate(self._base[..., 3], np.ones((5, 5), np.uint8)) > 0
        # Triangles over nothing need no drawing.
        total = cv2.integral(inner.astype(np.uint8))
        corners = self._source[self.mesh.triangles]
        low = np.clip(np.floor(corners.min(1)).astype(int), 0, self.size - 1)
        high = np.clip(np.ceil(corners.max(1)).astype(int) + 1, 1, self.size)
        count = (
            total[high[:, 1], high[:, 0]]
            - total[low[:, 1], high[:, 0]]
            - total[high[:, 1], low[:, 0]]
            + total[low[:, 1], low[:, 0]]
        )
        self._triangles = np.ascontiguousarray(self.mesh.triangles[count > 0])
        self._used = np.unique(self._triangles)

    def _prepare_mouth(self, image: np.ndarray) -> None:
        m, mesh = self._measures, self.mesh
        inner_upper, inner_lower = mesh.points[mesh.upper_lip[-1], :2], mesh.points[mesh.lower_lip[-1], :2]
        scale = m.mouth_scale
        centre = np.array([m.middle[0], m.line_middle])
        # In a mouth that shows its teeth, they stay where they are.
        self._mouth_unit = self.frame.unit * scale
        self._mouth_frame = centre + np.array([[0, 0], [0.25, 0], [0, 0.25]]) * scale
        oval = self.portrait.landmarks.oval[:, :2]
        mask = cv2.fillPoly(np.zeros(image.shape[:2], np.uint8), [np.round(oval).astype(np.int32)], 1)
        bright = float(np.percentile(image[mask > 0].mean(1), 75)) / 200
        self._light = float(np.clip(0.55 + 0.45 * bright, 0.6, 1.0))
        density = max(self._mouth_unit * 1.25, 60.0)
        self._lower = teeth.paint_teeth(False, density, self._light)
        self._gloom, self._seam = 0.38, 0.0
        if m.gap.max() > TEETH_SHOW:
            self._gloom, self._seam = 0.26, 0.75  # its own teeth have some of that shadow already
            a, b, c = (self.frame.to_picture(p) for p in self._mouth_frame)
            to_picture = np.stack([(b - a) / 0.25, (c - a) / 0.25, a], 1)
            upper, lower = ((line - centre) / scale for line in (inner_upper, inner_lower))
            self._upper = teeth.own_teeth(image, to_picture, upper, lower, density)
        else:
            self._upper = teeth.paint_teeth(True, density, self._light)
        self._area = np.concatenate([teeth.LOW, teeth.HIGH])
        self._colours = [mouth.TONGUE, mouth.DEEP, mouth.FRONT]
        if np.percentile(np.ptp(image[mask > 0], axis=1), 90) <= GREY:
            self._colours = [_grey(colour) for colour in self._colours]
            for plate in (self._upper, self._lower):
                plate[..., :3] = _grey(plate[..., :3])

    def _lash_colour(self, image: np.ndarray, eye: int) -> np.ndarray:
        """Of the edge of an upper lid: its darker pixels."""
        edge = self._source[self.mesh.lids[eye, 0, 3:14]]
        rows = (
            np.clip(edge[:, 1, None] + self.frame.unit * np.linspace(-0.03, 0.012, 6), 0, self.size - 1)
            .round()
            .astype(int)
        )
        columns = np.clip(edge[:, 0, None], 0, self.size - 1).round().astype(int)
        found = image[rows, np.broadcast_to(columns, rows.shape)].reshape(-1, 3).astype(float)
        return found[found.mean(1) <= np.percentile(found.mean(1), 25)].mean(0)

    def _vertices(
        self, weights: np.ndarray, rotation: np.ndarray, translation: np.ndarray, gaze: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices (n, 3) in pixels of the frame, effective weights (52,), the eyes' gaze (2, 2)."""
        w, eyes = effective(weights, gaze)
        points = displace(self.basis, self.mesh, w, self._rest)
        points = pose(points, self._share, self._outline, rotation, translation)
        return self.frame.to_picture(points), w, eyes

    def _posed(self, points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Points (k, 3) of the skull in face units -> pixels (k, 2) of the frame."""
        k = len(points)
        return self.frame.to_picture(pose(points, np.ones(k), np.zeros(k), rotation, translation)[:, :2])

    def render(
        self, weights: np.ndarray, rotation: np.ndarray, translation: np.ndarray, gaze: np.ndarray
    ) -> np.ndarray:
        """One frame, uint8 (size, size, 3), a new array.

        weights (52,), rotation (3,) rad, translation (3,) m, gaze (2,) rad: one frame of a FaceMotion. The
        eyeLook shapes add to gaze. What lies beyond the safe range of the head is pressed into it.
        """
        weights, rotation = np.asarray(weights, float)[: len(ARKIT)], np.asarray(rotation, float)
        translation, gaze = np.asarray(translation, float), np.asarray(gaze, float)
        points, w, eyes = self._vertices(weights, rotation, translation, gaze)
        frame = self._backdrop.copy()
        self._draw_head(frame, points, w)
        for eye in range(2):
            self._draw_eye(frame, points, eye, eyes[eye], rotation, translation)
        self._draw_mouth(frame, points, w, rotation, translation)
        return frame

    def _draw_head(self, frame: np.ndarray, points: np.ndarray, w: np.ndarray) -> None:
        y0, y1, x0, x1 = self._shading.area
        part = np.s_[y0:y1, x0:x1]
        shade(self._base[part], self._shading.gain(w), self._texture[part])
        flat = np.ascontiguousarray(points[:, :2].astype(np.float32))
        used = flat[self._used]
        low = np.clip(np.floor(used.min(0)).astype(int) - 1, 0, self.size - 1)
        high = np.clip(np.ceil(used.max(0)).astype(int) + 2, 1, self.size)
        region = np.s_[low[1] : high[1], low[0] : high[0]]
        self._map_x[region] = -9
        self._nearest[region] = -np.inf
        # What follows the head less lies behind what follows it more: shoulders, neck, chin.
        depth = points[:, 2] / self.frame.unit + 3 * self._share
        rasterize(
            flat, depth.astype(np.float32), self._source, self._triangles,
            self._map_x, self._map_y, self._nearest,
        )  # fmt: skip
        layer = cv2.remap(
            self._texture,
            self._map_x[region],
            self._map_y[region],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        lay_over(frame[region], layer)

    def _draw_eye(
        self,
        frame: np.ndarray,
        points: np.ndarray,
        eye: int,
        gaze: np.ndarray,
        rotation: np.ndarray,
        translation: np.ndarray,
    ) -> None:
        upper, lower = self.mesh.lids[eye]
        origin, axis, top, bottom, length = lid_heights(points, upper, lower)
        corners = self.mesh.points[[upper[0], upper[-1]]]
        below = corners.mean(0) + np.array([0, 0.3 * np.linalg.norm(corners[1, :2] - corners[0, :2]), 0])
        skull = np.concatenate([corners, below[None]])
        here = self._posed(skull, rotation, translation)
        to_source = cv2.getAffineTransform(
            here.astype(np.float32), self.frame.to_picture(skull[:, :2]).astype(np.float32)
        ).astype(float)
        x, y, radius = self.portrait.landmarks.irises[eye]
        yaw, pitch = gaze
        turned = np.sin(yaw) * np.cos(pitch) * self.frame.right - np.sin(pitch) * self.frame.down
        centre = np.array([x, y]) + EYEBALL * radius * turned
        # A catch light goes along by about half: it lies on the cornea.
        light = 0.6 * EYEBALL * radius * turned
        iris = np.array([*centre, radius * np.cos(0.8 * yaw), radius * np.cos(0.8 * pitch), *light], float)
        plate = self._eyes[eye]
        to_source[:, 2] -= plate.corner
        iris[:2] -= plate.corner
        draw_eye(
            frame, origin, axis, top, bottom, length, to_source, iris, plate.sclera, plate.iris, plate.lights,
            self.frame.unit, self._lashes[eye], plate.shade,
        )  # fmt: skip

    def _draw_mouth(
        self,
        frame: np.ndarray,
        points: np.ndarray,
        w: np.ndarray,
        rotation: np.ndarray,
        translation: np.ndarray,
    ) -> None:
        mesh = self.mesh
        origin, axis, top, bottom, length = lid_heights(points, mesh.upper_lip[-1], mesh.lower_lip[-1], 48)
        tongue = float(w[INDEX["tongueOut"]])
        if (bottom - top).max() < 0.3 and self._seam == 0:
            return
        z = float(mesh.points[mesh.upper_lip[-1, 10], 2]) - 0.04
        skull = np.concatenate([self._mouth_frame, np.full((3, 1), z)], 1)
        here = self._posed(skull, rotation, translation)
        units = np.array([[0, 0], [0.25, 0], [0, 0.25]], np.float32)
        to_mouth = cv2.getAffineTransform(here.astype(np.float32), units).astype(float)
        drop = self.basis.bases[: len(ARKIT)].reshape(len(ARKIT), -1, 3)
        tip = mesh.lower_lip[0, 10]
        names = [INDEX[n] for n in ("jawOpen", "jawLeft", "jawRight", "jawForward")]
        jaw = (w[names] @ drop[names, tip, :2]).astype(float) / self._measures.mouth_scale
        # Lips that stand out leave less light to what is behind them.
        gloom = self._gloom + 0.5 * min(1.0, float(w[INDEX["mouthPucker"]] + 0.35 * w[INDEX["mouthFunnel"]]))
        mouth.draw_mouth(
            frame, origin, axis, top, bottom, length, to_mouth, jaw * np.array([1.0, 0.94]),
            self._upper, self._lower, self._area, tongue,
            self._mouth_unit, self._light, gloom, self._seam, *self._colours,
        )  # fmt: skip

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """The frames of a motion, one after another: uint8 (size, size, 3) each."""
        for i in range(len(motion)):
            yield self.render(motion.weights[i], motion.rotation[i], motion.translation[i], motion.gaze[i])

    def landmarks(self, weights: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> FaceLandmarks:
        """Where the landmarks lie in that frame, pixels; the irises look ahead but for the eyeLook shapes."""
        points, _, eyes = self._vertices(
            np.asarray(weights, float)[: len(ARKIT)],
            np.asarray(rotation, float),
            np.asarray(translation, float),
            np.zeros(2),
        )
        mesh, found = self.mesh, points.astype(np.float32)
        irises = self.portrait.landmarks.irises.astype(float).copy()
        for eye in range(2):
            upper = mesh.lids[eye, 0]
            yaw, pitch = eyes[eye]
            irises[eye, :2] += (
                EYEBALL
                * irises[eye, 2]
                * (np.sin(yaw) * np.cos(pitch) * self.frame.right - np.sin(pitch) * self.frame.down)
            )
            flat = self.frame.to_face(irises[eye, :2])
            z = mesh.points[upper[8], 2]
            at = self._posed(
                np.array([[*flat, z]]), np.asarray(rotation, float), np.asarray(translation, float)
            )[0]
            irises[eye, :2] = at
        lips = np.stack([mesh.upper_lip[0], mesh.upper_lip[-1], mesh.lower_lip[-1], mesh.lower_lip[0]])[
            :, ::2
        ]
        return FaceLandmarks(
            found[mesh.oval],
            found[mesh.brows],
            found[mesh.lids[:, :, ::2]],
            irises.astype(np.float32),
            found[lips],
            found[mesh.nose],
        )
