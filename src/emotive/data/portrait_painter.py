"""Paints the bundled portraits, layer by layer, with the landmarks they are drawn from.

    portrait = paint_portrait(PEOPLE["mara"])

    python -m emotive.data.portrait_painter -o src/emotive/face/portraits
"""

from __future__ import annotations

import argparse
import io
import json
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
from .portrait_hair import cap_layer, grow, over
from .portrait_hairstyles import HAIRSTYLES, Hairstyle
from .portrait_people import PEOPLE
from .portrait_person import Person
from .portrait_shape import MIDDLE, depth_of, landmarks_of, shape_of
from .portrait_short_hair import beard, coils
from .portrait_skin import age_lines, complexion, lit_skin


def grown(sheets, p, g, name):
    layer = np.zeros((g.size, g.size, 4), np.float32)
    for i, sheet in enumerate(sheets):
        over(grow(sheet, p, g, f"{name}{i}"), layer)
    return layer


def hair_shadow(front, g, strength):
    s = g.scale
    alpha = front[..., 3]
    near = g.blur(np.roll(np.roll(alpha, round(9 * s), 0), round(6 * s), 1), 5)
    far = g.blur(np.roll(np.roll(alpha, round(20 * s), 0), round(12 * s), 1), 13)
    return np.clip(0.5 * near + 0.5 * far, 0, 1) * strength


def paint_portrait(person: Person, size: int = 1024) -> Portrait:
    """The portrait of a person as (size, size) layers, with landmarks; deterministic."""
    g = Ground(size)
    shape = shape_of(person)
    depth = depth_of(person, shape, g)
    face = g.mask(shape.outline)
    relief = depth + (age_lines(person, g) + lid_relief(person, shape, g)) * (face > 0.5)
    colour = complexion(person, shape, g)
    white = whites(person, shape, g)
    discs = [iris_disc(person, i) for i in range(2)]
    style = HAIRSTYLES[person.hairstyle](person) if person.hairstyle in HAIRSTYLES else Hairstyle()
    back = grown(style.back, person, g, "back")
    front = np.zeros_like(back)
    if style.cap:
        front = cap_layer(style.cap, person, g)
    if person.hairstyle == "coils":
        front = coils(person, g)
    over(grown(style.front, person, g, "front"), front)
    shade = hair_shadow(front, g, style.shade)
    if person.beard:
        over(beard(person, shape, g, relief), front)

    stay = np.zeros((size, size, 1), np.float32)
    if style.stays:
        stay = ramp(g.y, style.stays[0] - 40, style.stays[0] - 4)[..., None]
    # Behind the neck there is hair also where the head has moved away, but not out to its own edge.
    early = np.maximum(ramp(g.y, 520, 620) * ramp(np.abs(g.x - MIDDLE), 1.12 * person.face_width, 0.85 * person.face_width), stay[..., 0])[..., None]
    wall = studio(person, g)
    body, skin_and_cloth = paint_body(person, g, face, front[..., 3])
    backdrop, image = wall.copy(), wall
    over(back * early, backdrop)
    lay(backdrop, skin_and_cloth, body)
    over(back, image)
    lay(image, skin_and_cloth, body)
    if style.stays:
        over(front * stay, backdrop)

    skin = lit_skin(person, g, colour, relief, shade)
    paint_nose(person, g, skin)
    paint_mouth_line(person, shape, g, skin)
    paint_crease(person, shape, g, skin)
    paint_eyes(person, shape, g, skin, white, discs)
    paint_brows(person, shape, g, skin)
    ears = paint_ears(person, g, image, colour)
    lay(image, skin, face)
    over(front, image)

    head = head_alpha(person, g, np.maximum(face, ears), np.maximum(front[..., 3], back[..., 3]), style)
    # Where the head does not wholly own a pixel it must show the backdrop, so that the layers recompose.
    same = ramp(head, 1.0, 0.985)[..., None]
    image += (backdrop - image) * same * (head < 0.9999)[..., None]
    landmarks = landmarks_of(person, shape, depth, g)
    pictures = [np.rint(encoded(x) * 255).astype(np.uint8) for x in (image, backdrop, white)]
    alpha = np.rint(head * 255).astype(np.uint8)
    return Portrait(pictures[0], landmarks, person.name, True, pictures[1], alpha, pictures[2], np.stack(discs))


def head_alpha(p: Person, g: Ground, flesh: np.ndarray, hair: np.ndarray, style: Hairstyle) -> np.ndarray:
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
    neck = (np.abs(g.x - MIDDLE) < 1.03 * p.neck + 4) * (g.y > p.chin_line - 200) * ramp(g.y, p.chin_line + 62, p.chin_line - 70)
    return np.clip(np.maximum(owned, np.maximum(np.minimum(seam, 0.985), neck)), 0, 1)


def write_portrait(portrait: Portrait, folder: str | Path, description: dict[str, object] | None = None) -> None:
    """Writes the layers and landmarks of a painted portrait into `folder`, which is made if missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    layers = {
        "portrait": (portrait.image, 93), "backdrop": (portrait.backdrop, 88), "head": (portrait.head, 90),
        "sclera": (portrait.sclera, 85), "irises": (np.hstack(list(portrait.irises)), 93),
    }  # fmt: skip
    for name, (pixels, quality) in layers.items():
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "WEBP", quality=quality, method=6, alpha_quality=100)
        write_whole(folder / f"{name}.webp", data.getvalue())
    marks = portrait.landmarks
    contours = {name: np.round(getattr(marks, name), 2).tolist() for name in CONTOURS}
    text = json.dumps({"description": description or {}, **contours})
    write_whole(folder / "landmarks.json", text.encode())


CONTOURS = ("oval", "brows", "eyes", "irises", "lips", "nose")


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
