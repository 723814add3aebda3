"""The preview: a figure on a soft backdrop, drawn in software, without a display or a graphics driver."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emotive.errors import InputError
from emotive.face.live_link import eye_looks
from emotive.signals import ARKIT, JOINT, BodyMotion, FaceMotion
from emotive.signals.body_motion import forward
from emotive.signals.rotations import matrices_of, matrices_of_vectors

from .actors import ACTORS, Actor, open_actor
from .figure import figure, skinned
from .head_and_body import face_of
from .renderer_camera import Camera, camera_for, ground_seen, needed
from .renderer_light import blur, lay_shadow, resolve
from .renderer_raster import fill, fill_depth, project
from .renderer_set import STEPS, TINT, backdrop, curve, lights, material
from .retarget import fitted

SIZES = (96, 2048)  # pixels
SHADOW, REACH = 512, 1.35  # texels of the light's map, and m around the figure that it holds
FLOOR, FLOOR_REACH = 224, 1.9  # the same of the shadow on the floor
_OUTER = [JOINT[side + part] for side in ("left", "right") for part in ("MiddleDistal", "Toes", "LowerArm")]


class BodyRenderer:
    """Draws one actor.

    size: of the square picture in pixels, 96..2048. framing: "full", from head to toe, or "upper", from the
    hips up. turn: deg by which the camera stands to the person's left.

    Raises InputError for another size or framing, and for an unknown actor.
    """

    def __init__(
        self, actor: Actor | str | None = None, size: int = 512, framing: str = "full", turn: float = 11.0
    ):
        if actor is None:
            actor = next(iter(ACTORS.values()))
        self.actor = open_actor(actor) if isinstance(actor, str) else actor
        if not SIZES[0] <= size <= SIZES[1]:
            raise InputError(f"the size of a preview is {SIZES[0]}..{SIZES[1]} pixels, not {size}")
        self.figure, self.size = figure(self.actor), size
        self.framing, self.turn = framing, turn
        parts, count = self.figure.ordered, len(self.figure.whole.points)
        part = np.repeat(np.arange(len(parts)), [len(each.triangles) for each in parts])
        triangles = self.figure.whole.triangles
        # Brows and lashes are sheets of hair: they are seen from both sides.
        thin = np.isin(part, [k for k, each in enumerate(parts) if each.name == "brows"])
        self.part = np.concatenate([part, part[thin]]).astype(np.uint8)
        self.triangles = np.ascontiguousarray(np.concatenate([triangles, triangles[thin, ::-1]]), np.int32)
        self.materials = np.array([material(each.name) for each in parts], np.float32)
        self.screen, self.light_at, self.floor_at = (np.empty((count, 3), np.float32) for _ in range(3))
        self.nearest = np.zeros((2 * size, 2 * size), np.float32)
        self.shown = np.full((2 * size, 2 * size), -1, np.int32)
        self.shadow = np.zeros((SHADOW, SHADOW), np.float32)
        self.camera = self.stand(np.zeros(3))

    def frames(
        self, motion: BodyMotion, face: FaceMotion | None = None, seed: int = 0
    ) -> Iterator[np.ndarray]:
        """The frames of a motion, uint8 (size, size, 3). The camera stands still.

        The figure has this actor's proportions whatever the motion's are. With `face` its blendshapes and its
        gaze are shown at the times of the body's frames, by their `start`s; the rotation of the head is the
        body's. Without, the face shows the motion's affect, and blinks as `seed` says.

        Raises InputError for a face without frames.
        """
        motion = fitted(motion, self.figure.offsets)
        face = face_of(motion, seed) if face is None and len(motion) else face
        if face is not None and not len(face):
            raise InputError("the motion of the face has no frames")
        if len(motion):
            self._look_at(motion)
        for t in range(len(motion)):
            assert face is not None
            seconds = motion.start + t / float(motion.fps) - face.start
            at = min(max(round(seconds * float(face.fps)), 0), len(face) - 1)
            local = matrices_of(motion.rotations[t])
            local[[JOINT["leftEye"], JOINT["rightEye"]]] = _turned_eye(*face.gaze[at].tolist())
            placed = forward(local, motion.root[t].astype(float), self.figure.offsets.astype(float))
            yield self.render(*placed, _shapes(face, at))

    def render(
        self, orientations: np.ndarray, positions: np.ndarray, shape_weights: np.ndarray | None = None
    ) -> np.ndarray:
        """One frame, uint8 (size, size, 3); arguments as for `figure.skinned`."""
        points, normals = skinned(self.figure, orientations, positions, shape_weights)
        size, whole = self.size, self.figure.whole
        project(points, self.camera.matrix, 2 * self.camera.focal, size - 0.5, size - 0.5, self.screen)
        self.nearest.fill(0)
        self.shown.fill(-1)
        fill(self.screen, self.triangles, True, self.nearest, self.shown)
        self._light(points, positions)
        frame = self.backdrop8.copy()
        lay_shadow(frame, self.backdrop, self.floor, self.ground, *self._fallen(points, positions),
                   _feet(positions), curve(), TINT)  # fmt: skip
        left, top = np.floor(self.screen[:, :2].min(0) / 2).astype(int).clip(0, size)
        right, bottom = (np.ceil(self.screen[:, :2].max(0) / 2).astype(int) + 1).clip(0, size)
        resolve(frame, self.shown, self.nearest, self.floor, curve(), top, bottom, left, right,
                self.screen, points, normals, whole.colours, whole.occlusion, self.triangles, self.part,
                self.materials, self.light_at, self.shadow, self.camera.eye, self.lights)  # fmt: skip
        return frame

    def stand(self, about: np.ndarray, wider: float = 1.0) -> Camera:
        """Puts the camera in front of somebody who stands at `about` (3,), m; it sees `wider` times as much
        as it must."""
        self.camera = camera_for(self.framing, self.size, about, self.turn, self.actor.build.height, wider)
        self.ground = ground_seen(self.camera, self.size, about)
        self.backdrop = backdrop(self.actor.looks.backdrop, self.ground, about)
        self.backdrop8 = curve()[(self.backdrop * STEPS).astype(int).clip(0, STEPS - 1)]
        self.floor = self.backdrop.copy()
        self.lights = lights(self.camera.turn)
        return self.camera

    def _look_at(self, motion: BodyMotion) -> None:
        """Puts the camera where it sees all of a motion."""
        middle = np.median(motion.root.astype(float), 0) * (1, 0, 1)
        self.stand(middle)
        if self.framing != "full":
            return
        step = max(1, round(float(motion.fps) / 10))
        local, root = matrices_of(motion.rotations[::step]), motion.root[::step].astype(float)
        places = forward(local, root, motion.offsets.astype(float))[1][:, _OUTER].reshape(-1, 3)
        wider = 1.0
        for _ in range(3):  # what is near the camera shrinks less than the rest when it steps back
            more = needed(self.camera, self.size, places)
            if more > 1.001:
                wider *= more
                self.stand(middle, wider)

    def _light(self, points: np.ndarray, positions: np.ndarray) -> None:
        """Fills the light's map: what is nearest to it."""
        towards = self.lights[0].astype(float)
        side = np.cross((0.0, 1.0, 0.0), towards)
        side /= np.linalg.norm(side)
        scale = SHADOW / (2 * REACH)
        axes = np.stack([side * scale, np.cross(towards, side) * scale, towards])
        middle = positions[0] * (1, 0, 1) + np.array([0.0, 0.95 * self.actor.build.height, 0.0])
        offset = np.array([SHADOW / 2, SHADOW / 2, 10.0]) - axes @ middle
        np.matmul(points, axes.T.astype(np.float32), out=self.light_at)
        self.light_at += offset.astype(np.float32)
        self.shadow.fill(0)
        fill_depth(self.light_at, self.triangles, self.shadow)

    def _fallen(
        self, points: np.ndarray, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The shadow on the floor, its blur, the blurred height of what casts it, and where they lie."""
        towards = self.lights[0]
        x, z = positions[0, 0] - FLOOR_REACH, positions[0, 2] - FLOOR_REACH
        place = np.array([x, z, FLOOR / (2 * FLOOR_REACH)], np.float32)
        fall = points[:, 1] / towards[1]
        self.floor_at[:, 0] = (points[:, 0] - fall * towards[0] - place[0]) * place[2]
        self.floor_at[:, 1] = (points[:, 2] - fall * towards[2] - place[1]) * place[2]
        self.floor_at[:, 2] = points[:, 1] + 0.02
        high = np.zeros((FLOOR, FLOOR), np.float32)
        fill_depth(self.floor_at, self.triangles, high)
        sharp = (high > 0).astype(np.float32)
        wide = sharp.copy()
        blur(sharp, 1, 2)
        blur(wide, 6, 2)
        blur(high, 6, 2)
        return sharp, wide, high, place


def _feet(positions: np.ndarray) -> np.ndarray:
    """What stands on the floor: x, z, weight, squared radius."""
    rows = []
    for side in ("left", "right"):
        foot, toes = positions[JOINT[f"{side}Foot"]], positions[JOINT[f"{side}Toes"]]
        near = np.exp(-max(0.0, min(foot[1] - 0.085, toes[1] - 0.025)) / 0.05)
        for share, radius in ((-0.25, 0.055), (0.35, 0.05), (1.0, 0.055)):
            at = foot + share * (toes - foot)
            rows.append((at[0], at[2], 0.34 * near, radius**2))
    return np.array(rows, np.float32)


def _shapes(face: FaceMotion, frame: int) -> np.ndarray:
    """Blendshapes of a frame, with the lids' part of the gaze, (52,)."""
    weights = np.array(face.weights[frame, : len(ARKIT)])
    for name, value in eye_looks(face.gaze[frame : frame + 1]).items():
        weights[ARKIT.index(name)] = max(weights[ARKIT.index(name)], float(value[0]))
    return weights


def _turned_eye(yaw: float, pitch: float) -> np.ndarray:
    """An eye's rotation, (3, 3): to the person's left, then up; rad."""
    return matrices_of_vectors(np.array([0.0, yaw, 0.0])) @ matrices_of_vectors(np.array([-pitch, 0.0, 0.0]))
