"""The same picture in another mood: `EmotiveImagePipeline.edit`.

A picture of ours says in its provenance what it was painted from: it is painted again from the same words and
the same noise, with another affect. Any other picture goes through img2img (SDEdit, Meng et al. 2022) twice,
in small, from the same words and noises: once neutral, once in the affect. What changes between the two is
carried over to the full picture as a locally affine change of colour (guided filter, He et al. 2013), which
moves light and colour and leaves every contour where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import torch
from diffusers.utils.outputs import BaseOutput
from torch import Tensor
from torch.nn import functional as F

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.media.picture import flattened, open_picture
from emotive.media.provenance import KEY, Provenance, read_provenance
from emotive.media.texture import lay_texture
from emotive.sampling.flow import add_noise, euler_step, flow_sigmas

if TYPE_CHECKING:
    from .image import EmotiveImagePipeline

STEPS = 8  # of the few-step schedule; `strength` enters it at one of them
NOISES = 6  # at least; one alone can turn the light the wrong way
RADIUS, SMOOTHNESS = 12, 0.002  # of the guided filter: pixels of the small picture, squared intensity
STRENGTH = 0.6  # of img2img: enough to move the light, not enough to lose the picture
HOW = "img2img, carried over as a locally affine change of colour"  # what the file says
BLOCK, SAME = 16, 16 / 255  # px; the mean difference in no block is more if a picture is what it says it is
NOT_AS_IT_SAYS = "contours, as of a photograph: it is not, or no longer, what its provenance says"


@dataclass
class EmotiveImageEditOutput(BaseOutput):
    """images: one PIL picture of the size of the source. affects: what it was moved to. preserved: what of
    the source is still there, by name (`structure` and `detail` in -1..1, 1 is all). provenance: of our own
    pictures, what to paint them again from; None for others."""

    images: list[PIL.Image.Image]
    affects: list[Affect]
    preserved: dict[str, Any]
    provenance: Provenance | None = None


@torch.no_grad()
def edit_picture(
    pipe: EmotiveImagePipeline,
    image: PIL.Image.Image | np.ndarray | str | PathLike[str],
    affect: Affect | str,
    *,
    prompt: str = "",
    strength: float = STRENGTH,
    affect_strength: float = 1.0,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    generator: torch.Generator | None = None,
    texture: float | None = None,
) -> EmotiveImageEditOutput:
    """The same picture in another mood.

    A picture of ours (a file with its provenance, or PIL with it in `info`) is painted again from the
    same words and noise. Any other keeps its contours and takes the affect's light and colour.

    Args:
        image: a file, a PIL picture or uint8 (H, W, 3), of any size up to 64 megapixels.
        affect: where to move it.
        prompt: for other pictures, where they were taken, in the model's words; "" if it knows none.
        strength: for other pictures, how much noise img2img starts from, (0, 1]: more is freer.
        affect_strength: 0 is neutral, 1 the affect as given.
        guidance_scale, affect_guidance_scale: for other pictures, as in the call.
        generator: for other pictures, source of the noise.
        texture: surface texture, 0..4. None: as in the source.

    Raises:
        InputError: the picture cannot be read, or an argument cannot be honoured.
    """
    wanted = Affect.parse(affect)
    made, picture = _opened(image)
    if made is not None and (own := _paint_again(pipe, picture, made, wanted, affect_strength, texture)):
        return own
    for name, value, most in (("affect_strength", affect_strength, 10), ("texture", texture or 0, 4)):
        if not 0 <= value <= most:
            raise InputError(f"{name} must lie in 0..{most}, not {value}")
    if not 0 < strength <= 1:
        raise InputError(f"strength must lie above 0 and up to 1, not {strength:g}")
    device = pipe._execution_device
    pixels = torch.from_numpy(np.array(picture, np.float32) / 255).permute(2, 0, 1)[None].to(device)
    side = pipe.denoiser.config.sample_size
    small = F.interpolate(pixels, (side, side), mode="area")

    # Both sides get the same words. Without any, the model takes a dim photograph that is to be pleasant for
    # a night, and makes it darker still: what is seen would be explained by content instead of by mood.
    words = [prompt] if prompt.strip() else list(pipe.text_encoder.config["vocabulary"]["setting"])
    start = min(round(STEPS * (1 - strength)), STEPS - 1)
    sigmas = flow_sigmas(STEPS, pipe.denoiser.config.few_step_shift)[start:].to(device)
    count = len(words) * -(-NOISES // len(words))
    predict = pipe._predictor(
        words * (2 * count // len(words)),
        [Affect.neutral()] * count + [wanted] * count,
        affect_strength,
        STEPS,
        guidance_scale,
        affect_guidance_scale,
        device,
    )
    noise = pipe.prepare_latents(count, generator, device=device).repeat(2, 1, 1, 1)
    x = add_noise((2 * small - 1).expand(2 * count, -1, -1, -1), noise, sigmas[:1])
    for sigma, sigma_next in pairwise(sigmas.expand(2 * count, -1).unbind(1)):
        x = euler_step(x, predict(x, sigma, sigma_next), sigma, sigma_next)
    neutral, felt = x.clamp(-1, 1).div(2).add(0.5).chunk(2)

    edited = carry_over(pixels, neutral, felt)
    arousal = torch.tensor([wanted.arousal], device=device) * affect_strength
    amount = 0.0 if texture is None else texture  # a photograph has a surface of its own
    if amount and edited.shape[-1] == edited.shape[-2]:
        edited = lay_texture(edited, arousal, amount)
    result = _as_picture(edited)
    pipe.maybe_free_model_hooks()
    kept = preserved(picture, result) | {"content": "contours" if made is None else NOT_AS_IT_SAYS}
    return EmotiveImageEditOutput([result], [wanted], kept)


def carry_over(full: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The change from `before` to `after` on the full picture, as a locally affine change of colour.

    Around every pixel of the small pictures the affine map from colours before to colours after is fitted by
    ridge regression over a window of all of them (guided filter with a colour guide, He et al. 2013, eq. 14);
    the maps, smooth by construction, are enlarged and applied to the full picture.

    Args:
        full: (1, 3, H, W) in [0, 1]; before, after: (N, 3, h, w) in [0, 1], pairs.

    Returns:
        (1, 3, H, W) in [0, 1].
    """

    def mean(t: Tensor) -> Tensor:  # over the window and the pairs
        t = F.avg_pool2d(t, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)
        return t.mean(0)

    def products(x: Tensor, y: Tensor) -> Tensor:
        return torch.einsum("nihw,njhw->nijhw", x, y).flatten(1, 2)

    h, w = before.shape[2:]
    p, q = mean(before), mean(after)
    left = mean(products(before, before)) - products(p[None], p[None])[0]
    right = mean(products(before, after)) - products(p[None], q[None])[0]
    # Ridge towards the identity, not towards 0: where there is nothing to learn, colours stay what they are.
    ridge = SMOOTHNESS * torch.eye(3, device=full.device)
    left, right = (t.view(3, 3, h, w).permute(2, 3, 0, 1) + ridge for t in (left, right))
    matrix = torch.linalg.solve(left, right)  # (h, w, from, to)
    offset = q - torch.einsum("hwij,ihw->jhw", matrix, p)
    maps = torch.cat([matrix.permute(2, 3, 0, 1).reshape(9, h, w), offset])[None]
    maps = F.avg_pool2d(maps, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)
    maps = F.interpolate(maps, full.shape[2:], mode="bilinear", align_corners=False)
    moved = torch.einsum("nijhw,nihw->njhw", maps[:, :9].unflatten(1, (3, 3)), full) + maps[:, 9:]
    return moved.clamp(0, 1)


def preserved(before: PIL.Image.Image, after: PIL.Image.Image) -> dict[str, Any]:
    """How much of a picture is left in another of the same size.

    `structure`: the structure term of SSIM (Wang et al. 2004), the mean local correlation of luminance over
    windows of 11 pixels at 256 px; `detail`: the correlation of the luminance's Laplacian. Both in -1..1.
    """
    a, b = (_luminance(picture) for picture in (before, after))

    def mean(t: Tensor) -> Tensor:
        return F.avg_pool2d(t, 11, 1)

    da, db = mean(a * a) - mean(a) ** 2, mean(b * b) - mean(b) ** 2
    shared = mean(a * b) - mean(a) * mean(b)
    floor = 0.03**2 / 2  # Wang's C3 for a range of 1
    structure = ((shared + floor) / ((da.clamp(min=0) * db.clamp(min=0)).sqrt() + floor)).mean()
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    la, lb = (F.conv2d(t, kernel).flatten() for t in (a, b))
    both = torch.linalg.norm(la) * torch.linalg.norm(lb)
    detail = float(la @ lb / both) if float(both) > 0 else 1.0
    return {"structure": round(float(structure), 3), "detail": round(detail, 3)}


def _luminance(picture: PIL.Image.Image) -> Tensor:
    """(1, 1, 256, 256) in [0, 1]."""
    grey = picture.convert("L").resize((256, 256), PIL.Image.Resampling.BOX)
    return torch.from_numpy(np.array(grey, np.float32) / 255)[None, None]


def _opened(image: Any) -> tuple[Provenance | None, PIL.Image.Image]:
    """What a picture says about itself, if it is ours, and its pixels as RGB."""
    if isinstance(image, (str, PathLike)):
        picture = open_picture(image)
        try:
            return read_provenance(str(image)), picture
        except InputError:
            return None, picture
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"an array must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
        return None, PIL.Image.fromarray(image)
    if not isinstance(image, PIL.Image.Image):
        raise InputError(f"edit a PIL picture, a file or a uint8 array, not {type(image).__name__}")
    text, picture = image.info.get(KEY), flattened(image)
    try:
        return (Provenance.from_json(text) if isinstance(text, str) else None), picture
    except InputError:
        return None, picture


def _paint_again(
    pipe: EmotiveImagePipeline,
    picture: PIL.Image.Image,
    made: Provenance,
    affect: Affect,
    affect_strength: float,
    texture: float | None,
) -> EmotiveImageEditOutput | None:
    """The picture painted again with another affect; None if it is not what its provenance says."""
    if made.medium != "image" or made.affect is None or made.model_fingerprint != pipe.fingerprint():
        return None

    def paint(affect: Affect, strength: float, texture: float) -> PIL.Image.Image:
        output: Any = pipe(
            made.prompt,
            affect,
            num_inference_steps=made.num_inference_steps,
            guidance_scale=made.guidance_scale,
            affect_guidance_scale=made.affect_guidance_scale,
            affect_strength=strength,
            texture=texture,
            generator=torch.Generator("cpu").manual_seed(made.seed),
        )
        return output.images[0]

    try:  # nobody vouches for what a file says
        as_it_was = paint(made.affect, made.affect_strength, made.texture)
    except (InputError, ValueError, OverflowError):
        return None
    if as_it_was.size != picture.size:
        return None
    off = (
        np.abs(np.asarray(as_it_was, np.float32) - np.asarray(picture, np.float32)).mean(2)[None, None] / 255
    )
    if float(F.avg_pool2d(torch.from_numpy(off), BLOCK).max()) > SAME:  # cropped, painted over, edited before
        return None
    surface = made.texture if texture is None else texture
    result = paint(affect, affect_strength, surface)
    kept = preserved(as_it_was, result) | {"content": "words, seed and noise as in the source"}
    provenance = replace(
        made,
        affect=affect,
        affect_text="",
        affect_scale=None,
        affect_strength=affect_strength,
        texture=surface,
    )
    return EmotiveImageEditOutput([result], [affect], kept, provenance)


def _as_picture(pixels: Tensor) -> PIL.Image.Image:
    return PIL.Image.fromarray((255 * pixels[0]).round().byte().permute(1, 2, 0).cpu().numpy())
