"""Who is painted: a person's looks as data. Lengths are frame units (the frame is 1024 high)."""

from __future__ import annotations

from dataclasses import dataclass

from .colour import Oklab, oklch


@dataclass(frozen=True)
class Person:
    """The looks of one painted person; `name` seeds every random stream."""

    name: str
    age: int
    gender: str
    skin_words: str
    hair_words: str
    skin: Oklab
    hair: Oklab
    eye: Oklab
    lip: Oklab
    hairstyle: str
    cloth: Oklab
    garment: str
    backdrop: tuple[Oklab, Oklab]  # light in the middle, dark at the edge

    eye_line: float = 436.0
    nose_base: float = 545.0
    mouth: float = 605.0
    chin_line: float = 704.0
    face_width: float = 188.0  # half of it, at the cheekbones
    jaw: float = 0.3  # 0 tapered .. 1 square
    chin: float = 0.3  # 0 pointed .. 1 broad
    neck: float = 88.0  # half its width
    shoulders: float = 330.0
    hairline: float = 222.0
    eye_gap: float = 82.0  # from the middle to the middle of an eye
    eye_width: float = 45.0  # half of it
    eye_open: float = 36.5
    eye_tilt: float = 2.0  # how much higher the outer corner lies
    crease: float = 10.0  # from the upper lid's edge to its fold
    iris: float = 22.0
    lash: float = 1.0
    brow_height: float = 52.0
    brow_thickness: float = 13.0
    brow_arch: float = 5.0
    brow_length: float = 1.0
    brow_ridge: float = 5.0
    brow: Oklab | None = None
    nose_width: float = 36.0
    nose_depth: float = 42.0
    cheek: float = 13.0
    mouth_width: float = 60.0
    upper_lip: float = 16.0
    lower_lip: float = 23.0
    smile: float = 7.5
    blush: float = 0.35
    shine: float = 1.0
    freckles: float = 0.0
    beard: str = ""
    earrings: bool = False
    grey: float = 0.0  # how many strands are grey

    @property
    def lines(self) -> float:
        """0..1: how deep the lines of age are."""
        return min(max((self.age - 34) / 40, 0.0), 1.0)


BLACK_HAIR = oklch(0.25, 0.020, 40)
