"""The nodes. Each is a class as ComfyUI wants it: INPUT_TYPES, RETURN_TYPES, FUNCTION, CATEGORY."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from emotive import Affect
from emotive.backbones.adapter import MAX_STRENGTH, AffectAdapter
from emotive.backbones.saving import open_adapter
from emotive.errors import EmotiveError, InputError

from .conditioning import Entry, encode, felt, prompt_embeds

CATEGORY = "conditioning/emotive"
STRENGTH = ("FLOAT", {
    "default": 1.0, "min": 0.0, "max": MAX_STRENGTH, "step": 0.05,
    "tooltip": "0 is the prompt as it is, 1 the affect as given.",
})  # fmt: skip


def axis(tooltip: str) -> tuple[str, dict[str, Any]]:
    """A slider from -1 to 1."""
    return "FLOAT", {
        "default": 0.0, "min": -1.0, "max": 1.0, "step": 0.01, "display": "slider", "tooltip": tooltip,
    }  # fmt: skip


class EmotiveAffect:
    """A point of affect by two sliders. Dominance is unset unless something is connected."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("EMOTIVE_AFFECT",)
    RETURN_NAMES = ("affect",)
    FUNCTION = "point"
    DESCRIPTION = "A point of affect: how pleasant, how activated."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        dominance = {"forceInput": True, "tooltip": "Overpowered -1 to in control 1; unset if not connected."}
        return {
            "required": {
                "valence": axis("Unpleasant -1 to pleasant 1."),
                "arousal": axis("Quiet -1 to activated 1."),
            },
            "optional": {"dominance": ("FLOAT", dominance)},
        }

    def point(self, valence: float, arousal: float, dominance: float | None = None) -> tuple[Affect]:
        return (Affect(valence, arousal, dominance),)


class EmotiveNamedAffect:
    """A point of affect by name, numbers, or a mixture."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("EMOTIVE_AFFECT",)
    RETURN_NAMES = ("affect",)
    FUNCTION = "point"
    DESCRIPTION = "A point of affect in words: joy, joy:0.7+fear:0.3, joy*0.5, or 0.6,-0.2."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {"required": {"text": ("STRING", {"default": "joy", "tooltip": cls.DESCRIPTION})}}

    @classmethod
    def VALIDATE_INPUTS(cls, text: str | None = None) -> bool | str:
        """Before anything runs; None is a text that comes from another node."""
        try:
            if text is not None:
                Affect.parse(text)
        except InputError as error:
            return str(error)
        return True

    def point(self, text: str) -> tuple[Affect]:
        return (Affect.parse(text),)


class EmotiveDirections:
    """Fits affect directions to the text encoder that is connected: no training, no download."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("EMOTIVE_ADAPTER",)
    RETURN_NAMES = ("adapter",)
    FUNCTION = "fit"
    DESCRIPTION = "Fits directions of affect to this CLIP, from named emotions in a few hundred phrases."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {"required": {"clip": ("CLIP",)}}

    def fit(self, clip: Any) -> tuple[AffectAdapter]:
        return (open_adapter("directions", partial(prompt_embeds, clip)),)


class EmotiveBlend:
    """Affect by blending what is predicted from prompts at the poles; for Emotive Text Encode."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("EMOTIVE_ADAPTER",)
    RETURN_NAMES = ("adapter",)
    FUNCTION = "blend"
    DESCRIPTION = "Blends predictions of prompts at the poles of affect: slower, up to four calls a step."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {"required": {}}

    def blend(self) -> tuple[AffectAdapter]:
        return (open_adapter("blend", _nothing),)


class EmotiveLoadAdapter:
    """An adapter that was saved in a folder: directions, a mapper, a converted EmotiCrafter."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("EMOTIVE_ADAPTER",)
    RETURN_NAMES = ("adapter",)
    FUNCTION = "load"
    DESCRIPTION = "Opens an adapter that Emotive saved in a folder."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {"required": {"folder": ("STRING", {"default": "", "tooltip": "The folder of the adapter."})}}

    @classmethod
    def VALIDATE_INPUTS(cls, folder: str | None = None) -> bool | str:
        if folder is not None and not Path(folder).expanduser().is_dir():
            return f"there is no folder {folder[:200]!r}: give one that an adapter was saved in"
        return True

    @classmethod
    def IS_CHANGED(cls, folder: str) -> str:
        """Something that differs when the adapter does."""
        from emotive.weights import fingerprint

        try:
            return fingerprint(Path(folder).expanduser())
        except EmotiveError as error:  # said when it is loaded
            return str(error)

    def load(self, folder: str) -> tuple[AffectAdapter]:
        if (wrong := self.VALIDATE_INPUTS(folder)) is not True:
            raise InputError(str(wrong))
        return (open_adapter(Path(folder).expanduser(), _nothing),)


class EmotiveTextEncode:
    """A prompt in an affect: ComfyUI's text encoding, and the adapter on the tokens that say the prompt."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "encode"
    DESCRIPTION = "Encodes a prompt in an affect. Put it where CLIP Text Encode was."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {
            "required": {
                "clip": ("CLIP",),
                "text": ("STRING", {"multiline": True, "dynamicPrompts": True}),
                "adapter": ("EMOTIVE_ADAPTER",),
                "affect": ("EMOTIVE_AFFECT",),
                "strength": STRENGTH,
            }
        }

    def encode(
        self, clip: Any, text: str, adapter: AffectAdapter, affect: Affect, strength: float
    ) -> tuple[list[Entry]]:
        return (felt(encode(clip, text), adapter, affect, strength, clip, text),)


class EmotiveApplyAffect:
    """Conditioning of other nodes in an affect; which tokens are words and which padding it cannot tell."""

    CATEGORY = CATEGORY
    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "apply"
    DESCRIPTION = (
        "Gives conditioning of any origin an affect. Emotive Text Encode knows the words, and is better."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        return {
            "required": {
                "conditioning": ("CONDITIONING",),
                "adapter": ("EMOTIVE_ADAPTER",),
                "affect": ("EMOTIVE_AFFECT",),
                "strength": STRENGTH,
            }
        }

    def apply(
        self, conditioning: list[Entry], adapter: AffectAdapter, affect: Affect, strength: float
    ) -> tuple[list[Entry]]:
        return (felt(conditioning, adapter, affect, strength),)


def _nothing(texts: Any) -> Any:
    raise InputError("an adapter from a folder encodes nothing")


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "EmotiveAffect": EmotiveAffect,
    "EmotiveNamedAffect": EmotiveNamedAffect,
    "EmotiveDirections": EmotiveDirections,
    "EmotiveBlend": EmotiveBlend,
    "EmotiveLoadAdapter": EmotiveLoadAdapter,
    "EmotiveTextEncode": EmotiveTextEncode,
    "EmotiveApplyAffect": EmotiveApplyAffect,
}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "EmotiveAffect": "Emotive Affect",
    "EmotiveNamedAffect": "Emotive Affect by Name",
    "EmotiveDirections": "Emotive Directions",
    "EmotiveBlend": "Emotive Blend",
    "EmotiveLoadAdapter": "Emotive Load Adapter",
    "EmotiveTextEncode": "Emotive Text Encode",
    "EmotiveApplyAffect": "Emotive Apply Affect",
}
