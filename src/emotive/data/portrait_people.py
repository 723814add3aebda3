"""The bundled people: nobody, but of many kinds."""

from __future__ import annotations

from .colour import oklch
from .portrait_person import Person

MARA = Person(
    "mara", 27, "woman", "light, warm", "chestnut waves to the shoulders",
    skin=oklch(0.80, 0.068, 55), hair=oklch(0.37, 0.070, 49), eye=oklch(0.50, 0.062, 145), lip=oklch(0.60,
        0.115, 20),
    hairstyle="waves", cloth=oklch(0.47, 0.075, 205), garment="boat",
    backdrop=(oklch(0.90, 0.028, 75), oklch(0.70, 0.045, 60)),
    eye_line=438, nose_base=541, mouth=598, chin_line=698, face_width=184, jaw=0.12, chin=0.12, neck=80,
        shoulders=300, iris=22.5, eye_open=38.5, eye_width=46,
    eye_tilt=3.5, brow_thickness=12, brow_arch=7, nose_width=33, nose_depth=37, blush=0.42, freckles=0.35,
    brow=oklch(0.38, 0.05, 45), upper_lip=16.5, lower_lip=24, brow_ridge=2,
)  # fmt: skip

KOFI = Person(
    "kofi", 34, "man", "dark brown", "short black curls",
    skin=oklch(0.52, 0.072, 48), hair=oklch(0.19, 0.012, 40), eye=oklch(0.33, 0.045, 50), lip=oklch(0.47,
        0.075, 25),
    hairstyle="curls", cloth=oklch(0.80, 0.11, 80), garment="crew",
    backdrop=(oklch(0.72, 0.055, 205), oklch(0.47, 0.060, 220)),
    eye_line=434, nose_base=546, mouth=608, chin_line=712, face_width=192, jaw=0.62, chin=0.6, neck=108,
        shoulders=370, hairline=214, iris=21.5, eye_open=35.5, eye_tilt=2,
    brow_thickness=16, brow_arch=3.5, brow_height=47, brow_ridge=9, nose_width=43, nose_depth=38, lash=0.8,
    mouth_width=65, upper_lip=20, lower_lip=28, blush=0.15, shine=1.35, beard="short",
)  # fmt: skip

YUKI = Person(
    "yuki", 22, "woman", "light", "black bob with a fringe",
    skin=oklch(0.84, 0.056, 60), hair=oklch(0.22, 0.018, 285), eye=oklch(0.31, 0.040, 50), lip=oklch(0.63,
        0.125, 18),
    hairstyle="bob", cloth=oklch(0.72, 0.095, 15), garment="turtleneck",
    backdrop=(oklch(0.87, 0.030, 240), oklch(0.68, 0.055, 262)),
    eye_line=444, nose_base=540, mouth=596, chin_line=690, face_width=182, jaw=0.15, chin=0.18, neck=76,
        shoulders=288, iris=22.5, eye_open=35, eye_width=46, eye_tilt=4,
    crease=6.0, brow_thickness=10.5, brow_arch=3, nose_width=33, nose_depth=31, mouth_width=54, upper_lip=15,
    lower_lip=21, blush=0.45, cheek=11, brow_ridge=0, brow=oklch(0.33, 0.02, 50),
)  # fmt: skip

TOMAS = Person(
    "tomas", 69, "man", "fair, ruddy", "silver hair, swept back, and a short beard",
    skin=oklch(0.76, 0.070, 44), hair=oklch(0.86, 0.012, 85), eye=oklch(0.58, 0.050, 242), lip=oklch(0.60,
        0.085, 24),
    hairstyle="swept", cloth=oklch(0.42, 0.055, 255), garment="shirt",
    backdrop=(oklch(0.83, 0.030, 130), oklch(0.58, 0.045, 150)),
    eye_line=432, nose_base=552, mouth=612, chin_line=712, face_width=188, jaw=0.55, chin=0.5, neck=104,
        shoulders=352, hairline=200, iris=20.5, eye_open=32.5, eye_tilt=-1,
    crease=7, brow_thickness=16, brow_arch=3, brow_height=46, brow_ridge=10, nose_width=40, nose_depth=46,
        lash=0.5,
    mouth_width=60, upper_lip=11, lower_lip=17, blush=0.42, brow=oklch(0.64, 0.014, 70), beard="full",
)  # fmt: skip

INES = Person(
    "ines", 52, "woman", "olive brown", "dark with grey, drawn back",
    skin=oklch(0.67, 0.078, 55), hair=oklch(0.25, 0.022, 45), eye=oklch(0.38, 0.055, 65), lip=oklch(0.53,
        0.115, 20),
    hairstyle="pulled_back", cloth=oklch(0.50, 0.115, 28), garment="cardigan",
    backdrop=(oklch(0.86, 0.035, 85), oklch(0.62, 0.050, 70)),
    eye_line=437, nose_base=549, mouth=606, chin_line=700, face_width=187, jaw=0.28, chin=0.35, neck=82,
        shoulders=312, hairline=226, iris=21, eye_open=34, eye_width=44, eye_tilt=1.5,
    crease=9, brow_thickness=11.5, brow_arch=8, nose_width=37, nose_depth=42, blush=0.35, mouth_width=62,
        upper_lip=14, lower_lip=21,
    cheek=16, brow_ridge=3, earrings=True, grey=0.16, brow=oklch(0.30, 0.02, 45), smile=8,
)  # fmt: skip

ARJUN = Person(
    "arjun", 25, "man", "brown", "thick dark waves, short at the sides",
    skin=oklch(0.62, 0.080, 56), hair=oklch(0.22, 0.022, 50), eye=oklch(0.36, 0.052, 60), lip=oklch(0.54,
        0.085, 28),
    hairstyle="quiff", cloth=oklch(0.90, 0.012, 90), garment="crew",
    backdrop=(oklch(0.78, 0.060, 40), oklch(0.55, 0.075, 30)),
    eye_line=433, nose_base=548, mouth=607, chin_line=710, face_width=184, jaw=0.45, chin=0.4, neck=98,
        shoulders=350, hairline=214, iris=21.5, eye_open=37, eye_width=45, eye_tilt=2.5,
    brow_thickness=17, brow_arch=5, brow_height=49, brow_ridge=7, nose_width=37, nose_depth=46, lash=0.9,
        mouth_width=61,
    upper_lip=15, lower_lip=23, blush=0.22, shine=1.1, beard="stubble",
)  # fmt: skip

PEOPLE: dict[str, Person] = {p.name: p for p in (MARA, KOFI, YUKI, TOMAS, INES, ARJUN)}
