"""Paints the bundled portraits, layer by layer, with the landmarks they are drawn from.

portrait = paint_portrait(PEOPLE["mara"])

python -m emotive.data.portrait_painter -o src/emotive/face/portraits
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from emotive.face.portrait import Portrait
from emotive.media import write_whole

from .portrait_body import paint_body, studio
from .portrait_eyes import iris_disc, lid_relief, paint_brows, paint_crease, paint_eyes, whites
from .portrait_features import paint_ears, paint_mouth_line, paint_nose
from .portrait_ground import Ground, encoded, lay, ramp
from .portrait_hair import Sheet, cap_layer, grow, over
from .portrait_hairstyles import HAIRSTYLES, Hairstyle
from .portrait_people import PEOPLE
from .portrait_person import Person
from .portrait_shape import MIDDLE, depth_of, landmarks_of, shape_of
from .portrait_short_hair import beard
from .portrait_skin import age_lines, complexion, lit_skin

CONTOURS = ("oval", "brows", "eyes", "irises", "lips", "nose")


def _grown(sheets: Sequence[Sheet], p: Person, g: Ground, name: str) -> np.ndarray:
    """All sheets, one over the other, premultiplied (H, W, 4)."""
    layer = np.zeros((g.size, g.size, 4), np.float32)
    for i, sheet in enumerate(sheets):
        over(grow(sheet, p, g, f"{name}{i}"), layer)
    return layer


def _hair_shadow(alpha: np.ndarray, g: Ground, strength: float) -> np.ndarray:
    """Where hair of opacity `alpha` keeps the key light off the skin, 0..1 (H, W)."""

    def moved(x: float, y: float) -> np.ndarray:
        return np.roll(alpha, (round(y * g.scale), round(x * g.scale)), (0, 1))

    return np.clip(0.5 * g.blur(moved(6, 9), 5) + 0.5 * g.blur(moved(12, 20), 13), 0, 1) * strength


def paint_portrait(person: Person, size: int = 1024) -> Portrait:
    """The portrait of a person as (size, size) layers, with landmarks; deterministic."""
    g = Ground(size)
    shape = shape_of(person)
    depth = depth_of(person, shape, g)
    face = g.mask(shape.outline)
    relief = depth + (age_lines(person, g) + lid_relief(person, shape, g)) * (face > 0.5)
    style = HAIRSTYLES[person.hairstyle](person)
    back = _grown(style.back, person, g, "back")
    front = style.short(person, g) if style.short else cap_layer(style.cap, person, g)
    over(_grown(style.front, person, g, "front"), front)
    shade = _hair_shadow(front[..., 3], g, style.shade)
    if person.beard:
        over(beard(person, shape, g, relief), front)

    colour = complexion(person, shape, g)
    white = whites(person, g)
    discs = np.stack([iris_disc(person, i) for i in range(2)])
    skin = lit_skin(person, shape, g, colour, relief, shade)
    paint_nose(person, g, skin)
    paint_mouth_line(person, shape, g, skin)
    paint_crease(person, shape, g, skin)
    paint_eyes(person, shape, g, skin, white, discs)
    paint_brows(person, shape, g, skin)

    backdrop, image = _behind(person, g, style, face, front, back)
    ears = paint_ears(person, g, image, colour)
    lay(image, skin, face)
    over(front, image)
    head = _head_alpha(person, g, np.maximum(face, ears), np.maximum(front[..., 3], back[..., 3]), style)
    # Where the head does not wholly own a pixel the picture is the backdrop, so that the layers recompose.
    image[head < 0.9999] = backdrop[head < 0.9999]
    pictures = [np.rint(encoded(x) * 255).astype(np.uint8) for x in (image, backdrop, white)]
    alpha = np.rint(head * 255).astype(np.uint8)
    marks = landmarks_of(person, shape, depth, g)
    return Portrait(pictures[0], marks, person.name, True, pictures[1], alpha, pictures[2], discs)


def _behind(
    p: Person, g: Ground, style: Hairstyle, face: np.ndarray, front: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The backdrop, and the picture so far: with the back of the hair, without face and front hair."""
    image = studio(p, g)
    backdrop = image.copy()
    body, clothed = paint_body(p, g, face, front[..., 3])
    # Behind the neck there is hair also where the head has moved away, but not out to its own edge.
    kept = ramp(g.y, 520, 620) * ramp(np.abs(g.x - MIDDLE), 0.95 * p.face_width, 0.65 * p.face_width)
    hangs = np.zeros_like(g.y)
    if style.stays:
        hangs = ramp(g.y, style.stays[0] - 40, style.stays[0] - 4)
    else:  # nor down to its tips
        kept = kept * ramp(g.y, p.chin_line - 24, p.chin_line - 70) * style.long
    over(back * np.maximum(kept, hangs)[..., None], backdrop)
    over(back, image)
    lay(backdrop, clothed, body)
    lay(image, clothed, body)
    over(front * hangs[..., None], backdrop)
    return backdrop, image


def _head_alpha(p: Person, g: Ground, flesh: np.ndarray, hair: np.ndarray, style: Hairstyle) -> np.ndarray:
    """How much of each pixel turns with the head (H, W): all that face, ears and hair touch, a soft seam
    around them, fading down the neck and down hair that lies on the shoulders."""
    s = g.scale
    size = 2 * round(1.5 * s) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    hair = cv2.dilate((hair > 0.004).astype(np.float32), kernel)
    flesh = cv2.dilate((flesh > 0.004).astype(np.float32), kernel)
    if style.stays:
        hair = hair * ramp(g.y, style.stays[1], style.stays[0])
    owned = np.maximum(hair, flesh)
    seam = np.clip(2.0 * g.blur(cv2.dilate(owned, kernel), 2.5) - 0.5, 0, 1)
    neck = ramp(np.abs(g.x - MIDDLE), 1.03 * p.neck + 9, 1.03 * p.neck + 3) * (g.y > p.chin_line - 200)
    neck = neck * ramp(g.y, p.chin_line + 74, p.chin_line - 4)
    return np.clip(np.maximum(owned, np.maximum(np.minimum(seam, 0.985), neck)), 0, 1)


def write_portrait(portrait: Portrait, folder: str | Path, description: dict[str, object]) -> None:
    """Writes the layers and landmarks of a painted portrait into `folder`, which is made if missing.

    Raises InputError if a file cannot be written, ValueError if the portrait lacks a layer.
    """
    backdrop, head, sclera, irises = portrait.backdrop, portrait.head, portrait.sclera, portrait.irises
    if backdrop is None or head is None or sclera is None or irises is None:
        raise ValueError("only a portrait with all its layers can be written")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    layers: dict[str, tuple[np.ndarray, int]] = {
        "portrait": (portrait.image, 93), "backdrop": (backdrop, 88), "head": (head, 90),
        "sclera": (sclera, 85), "irises": (np.hstack(list(irises)), 93),
    }  # fmt: skip
    for name, (pixels, quality) in layers.items():
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "WEBP", quality=quality, method=6, alpha_quality=100)
        write_whole(folder / f"{name}.webp", data.getvalue())
    contours = {name: np.round(getattr(portrait.landmarks, name), 2).tolist() for name in CONTOURS}
    write_whole(
        folder / "landmarks.json", json.dumps({"description": description or {}, **contours}).encode()
    )


def description_of(person: Person) -> dict[str, object]:
    """What is said about a bundled portrait."""
    return {"name": person.name, "age": person.age, "gender": person.gender, "skin": person.skin_words,
            "hair": person.hair_words}  # fmt: skip


def main() -> None:
    """Paints all bundled portraits again."""
    parser = argparse.ArgumentParser(description="Paint the bundled portraits.")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for one folder per portrait")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PEOPLE)}; all if none is named")
    arguments = parser.parse_args()
    for name in arguments.names or PEOPLE:
        portrait = paint_portrait(PEOPLE[name])
        write_portrait(portrait, arguments.out / name, description_of(PEOPLE[name]))


if __name__ == "__main__":
    main()
