"""Valence-arousal control for a diffusion pipeline as it is.

pipe = with_affect(AutoPipelineForText2Image.from_pretrained("stabilityai/sd-turbo"))
pipe("a house by the sea", affect="serenity", num_inference_steps=1, guidance_scale=0).images[0]
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from os import PathLike
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from torch import Tensor

from emotive.affect import Affect
from emotive.backbones.adapter import AffectAdapter, Part, PromptEmbeds, Prompts, check_strength, only
from emotive.backbones.families import Family, content_mask, embeds_of, family_of, with_embeds
from emotive.backbones.saving import open_adapter
from emotive.compass.direction import add_directions
from emotive.errors import InputError

from .loading import EmotivePipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .image_edit import EmotiveImageEditOutput

Pipe = TypeVar("Pipe", bound=DiffusionPipeline)
MAX_GUIDANCE = 100.0
_TEXTS = ("prompt", "prompt_2", "prompt_3")
_LEFT_OUT = (  # of what was given, when other texts are encoded
    "prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds",
    "negative_prompt", "negative_prompt_2", "negative_prompt_3",
)  # fmt: skip


@dataclass
class _Request:
    """What one call asked for, and, once its prompt is encoded, the conditionings to predict from."""

    pipe: Any
    affects: Sequence[Affect]
    strength: float
    guidance: float
    directions: Mapping[Any, float]
    parts: Sequence[Part] | None = None
    predicting: bool = False
    reached: bool = False


# What the call that is under way asks for; threads that share a pipeline have one each.
_REQUEST: ContextVar[_Request | None] = ContextVar("request", default=None)


# Tokenizers, schedulers and hooks have state: calls of one pipeline from several threads take turns.
_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class AffectCall:
    """What `with_affect` adds to the class of a pipeline."""

    affect_adapter: AffectAdapter
    _family: Family

    def __call__(
        self,
        *args: Any,
        affect: Affect | str | Sequence[Affect | str] | None = None,
        affect_strength: float = 1.0,
        affect_guidance_scale: float = 1.0,
        directions: Mapping[Any, float] | None = None,
        **kwargs: Any,
    ) -> Any:
        """As the pipeline's own call, in an affect.

        Args:
            affect: a point of affect, its name or text (`Affect.parse`), or one for each prompt. None is the
                pipeline without affect.
            affect_strength: 0 is the pipeline without affect, bit for bit; 1 the affect as given; up to 10.
            affect_guidance_scale: moves what is predicted away from what the prompt alone would give; 1 is
                plain and free, other values cost one more call of the denoiser a step.
            directions: directions that a person found (`emotive compass`), by name or file, and how far.

        Raises:
            InputError: an argument cannot be honoured.
            WeightsError: the adapter was made for another text encoder.
        """
        request = _requested(self, affect, affect_strength, affect_guidance_scale, directions)
        own: Any = super()
        with _LOCKS.setdefault(self, RLock()):
            return self._called(own, request, args, kwargs)

    def _called(self, own: Any, request: _Request | None, args: tuple, kwargs: dict[str, Any]) -> Any:
        if request is None:
            return own.__call__(*args, **kwargs)
        given = inspect.signature(own.__call__).bind_partial(*args, **kwargs)
        if given.arguments.get("prompt") is None and given.arguments.get("prompt_embeds") is None:
            given.arguments["prompt"] = ""  # pure mood
        with self._predicting(request):
            return own.__call__(*given.args, **given.kwargs)

    def encode_prompt(self, *args: Any, **kwargs: Any) -> Any:
        """As the pipeline's own; within a call that asks for affect, the prompt's embeds have it."""
        own: Any = super()
        returned = own.encode_prompt(*args, **kwargs)
        request = _REQUEST.get()
        if request is None or request.pipe is not self or request.parts is not None:
            return returned  # FLUX encodes its negative prompt second
        given = inspect.signature(own.encode_prompt).bind(*args, **kwargs)
        base = embeds_of(self._family, returned)
        base.check("the backbone's text encoder")
        texts = _texts(given.arguments)
        copies = given.arguments.get("num_images_per_prompt") or 1
        if (theirs := given.arguments.get("prompt_embeds")) is not None:  # some pipelines repeat them
            copies = max(1, len(base.tokens) // len(theirs))
        prompts = len(base.tokens) // copies
        if texts is not None:
            mask = content_mask(self, self._family, texts, base.tokens)
            base = replace(base, content=mask.repeat_interleave(copies, 0))

        def encode(rows: Sequence[str]) -> PromptEmbeds:
            return _encoded(self, own, given.arguments, rows[::copies])

        several = texts is not None and any(texts[name] != texts["prompt"] for name in texts)
        said = None if texts is None else tuple(t for t in texts["prompt"] for _ in range(copies))
        points = _points(request.affects, prompts, copies).to(base.tokens.device)
        request.parts = self._conditionings(Prompts(base, said, encode, self, several), points, request)
        return with_embeds(self._family, returned, request.parts[0].embeds)

    def edit(self, image: Any, affect: Affect | str, **options: Any) -> EmotiveImageEditOutput:
        """The same picture in another mood: `edit_with_backbone`, which says what the options are."""
        from .backbone_edit import edit_with_backbone

        return edit_with_backbone(self, image, affect, **options)

    def _conditionings(self, prompts: Prompts, points: Tensor, request: _Request) -> list[Part]:
        """The conditionings of one call, the first of which the pipeline itself is given."""
        parts = only(prompts.embeds)
        if request.affects and request.strength:
            parts = self.affect_adapter(prompts, points, request.strength)
        if request.directions:
            encode = None if prompts.texts is None else prompts.encode
            parts = [Part(add_directions(p.embeds, request.directions, encode), p.weight) for p in parts]
        for part in parts:
            part.embeds.check(f"the adapter {self.affect_adapter.name!r}")
        if request.guidance != 1:  # neutral + guidance * (felt - neutral)
            parts = [Part(p.embeds, request.guidance * p.weight) for p in parts]
            rest = torch.full((len(points),), 1 - request.guidance, device=points.device)
            parts.append(Part(prompts.embeds, rest))
        return [part for part in parts if part.weight.any()]

    @contextmanager
    def _predicting(self, request: _Request) -> Iterator[None]:
        """Within, the denoiser predicts from every conditioning of `request`."""
        denoiser = getattr(self, self._family.denoiser)
        hook = denoiser.register_forward_hook(
            functools.partial(_predict_all, request, self._family), with_kwargs=True
        )
        token = _REQUEST.set(request)
        try:
            yield
            if request.parts is None or (len(request.parts) > 1 and not request.reached):
                raise InputError(
                    "the affect reached no prediction: the pipeline did not encode the prompt, or something "
                    "exchanged its embeds on the way"
                )
        finally:
            _REQUEST.reset(token)
            hook.remove()


def with_affect(pipe: Pipe, adapter: AffectAdapter | str | PathLike[str] = "directions") -> Pipe:
    """Attaches affect to a diffusers pipeline: the same object, which now takes `affect=`,
    `affect_strength=`, `affect_guidance_scale=` and `directions=` in its call (`AffectCall`).

    Schedulers, LoRA, IP-Adapter, img2img, ControlNet, offloading and callbacks work as before, and
    without `affect` so does the call. Attaching again replaces the adapter. What `from_pipe` makes of it is a
    plain pipeline: attach to that, too.

    Args:
        pipe: a pipeline of Stable Diffusion 1, 2, XL or 3, FLUX, or a latent consistency model.
        adapter: "directions" (fitted here: seconds on a GPU), "blend", the folder of a saved adapter, or an
            adapter itself.

    Raises:
        InputError: the pipeline is of no known family.
        WeightsError: the folder holds no adapter.
    """
    if isinstance(pipe, EmotivePipeline):
        raise InputError(f"{type(pipe).__name__} takes an affect already: call it with affect=")
    if not isinstance(pipe, DiffusionPipeline):
        raise InputError(f"affect is attached to a diffusers pipeline, not to {type(pipe).__name__}")
    family = family_of(pipe)
    if not isinstance(adapter, (str, PathLike)) and not hasattr(adapter, "fingerprint"):
        raise InputError(f"an adapter is given by name, folder or itself, not as {type(adapter).__name__}")
    if isinstance(adapter, (str, PathLike)):
        adapter = open_adapter(adapter, functools.partial(plain_embeds, pipe))
        pipe.maybe_free_model_hooks()  # fitting may have called its text encoders
    if not isinstance(pipe, AffectCall):
        plain = type(pipe)
        # The name stays, for diffusers finds a pipeline's relatives, and saves it, by the name of its class.
        added = {"__module__": plain.__module__, "__doc__": plain.__doc__, "_family": family}
        added["__call__"] = _told_of(plain)
        pipe.__class__ = type(plain.__name__, (AffectCall, plain), added)
    pipe.affect_adapter = adapter  # type: ignore[attr-defined]
    return pipe


def _told_of(plain: type) -> Any:
    """`AffectCall.__call__` for pipelines of this class, with a signature that has its arguments, too."""

    def __call__(self: AffectCall, *args: Any, **kwargs: Any) -> Any:
        return AffectCall.__call__(self, *args, **kwargs)

    own, more = (inspect.signature(kind.__call__).parameters for kind in (plain, AffectCall))
    added = [p for p in more.values() if p.kind is p.KEYWORD_ONLY]
    there = [p for p in own.values() if p.kind is not p.VAR_KEYWORD]
    rest = [p for p in own.values() if p.kind is p.VAR_KEYWORD]
    __call__.__signature__ = inspect.Signature([*there, *added, *rest])  # type: ignore[attr-defined]
    __call__.__doc__ = AffectCall.__call__.__doc__
    return __call__


def plain_embeds(pipe: Any, texts: Sequence[str]) -> PromptEmbeds:
    """The embeds that a backbone makes of texts, without affect; what adapters are fitted on.

    `pipe` is any pipeline of a known family, attached to or not.
    """
    here = {"device": pipe._execution_device, "num_images_per_prompt": 1}
    own: Any = super(AffectCall, pipe) if isinstance(pipe, AffectCall) else pipe
    with torch.no_grad():
        return _encoded(pipe, own, here, texts)


def _encoded(pipe: Any, own: Any, given: Mapping[str, Any], texts: Sequence[str]) -> PromptEmbeds:
    """What the pipeline's own `encode_prompt` makes of texts, with all else that it was `given`."""
    family, accepted = family_of(pipe), inspect.signature(own.encode_prompt).parameters
    asked = {**given, **dict.fromkeys(_TEXTS[1:] + _LEFT_OUT)}
    asked |= {"prompt": list(texts), "do_classifier_free_guidance": False}
    returned = own.encode_prompt(**{name: value for name, value in asked.items() if name in accepted})
    tokens = returned[family.returned.index("tokens")]
    mask = content_mask(pipe, family, {"prompt": texts}, tokens)
    return embeds_of(family, returned, mask.repeat_interleave(len(tokens) // len(texts), 0))


def _predict_all(
    request: _Request, family: Family, denoiser: torch.nn.Module, args: tuple, kwargs: dict, output: Any
) -> Any:
    """Forward hook of the denoiser: in the rows that are conditioned on the prompt, the weighted sum of what
    it predicts from every conditioning."""
    parts = request.parts
    given = kwargs.get("encoder_hidden_states")
    if request is not _REQUEST.get() or request.predicting or parts is None or given is None:
        return None
    if len(parts) == 1 and bool((parts[0].weight == 1).all()):
        return None
    found = _rows(given, parts[0].embeds.tokens.to(given))
    if not found:  # the call for the negative prompt alone
        return None
    request.reached = True
    mixed = output[0].clone()
    request.predicting = True
    try:
        for rows in found:
            own_args, own_kwargs = (_cut(given_, rows, len(given)) for given_ in (args, kwargs))
            total = _weighted(mixed[rows], parts[0].weight)
            for part in parts[1:]:
                swapped = _swapped(own_kwargs, family, part.embeds)
                total = total + _weighted(denoiser(*own_args, **swapped)[0], part.weight)
            mixed[rows] = total.to(mixed.dtype)
    finally:
        request.predicting = False
    if isinstance(output, tuple):
        return (mixed, *output[1:])
    output[next(iter(output))] = mixed
    return output


def _rows(given: Tensor, wanted: Tensor) -> list[slice]:
    """Where in the batch the prompt's embeds are: once, or, where guidance perturbs attention, twice. Before
    them lie those of the negative prompt, which may say the same."""
    n = len(wanted)
    starts = range(0, len(given) - n + 1, n)
    found = [slice(i, i + n) for i in starts if torch.equal(given[i : i + n], wanted)]
    return found[1:] if len(found) > 1 and len(found) * n == len(given) else found


def _cut(value: Any, rows: slice, batch: int) -> Any:
    """Arguments of the denoiser, for these rows of a batch only."""
    if rows.stop - rows.start == batch:
        return value
    if isinstance(value, Tensor):
        return value[rows] if value.ndim and len(value) == batch else value
    if isinstance(value, dict):
        return {key: _cut(each, rows, batch) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_cut(each, rows, batch) for each in value])
    return value


def _swapped(kwargs: dict, family: Family, embeds: PromptEmbeds) -> dict:
    """The denoiser's arguments with other embeds."""

    def put(old: Tensor, other: Tensor | None) -> Tensor:
        return old if other is None else other.to(old)

    changed = {**kwargs, "encoder_hidden_states": put(kwargs["encoder_hidden_states"], embeds.tokens)}
    if family.pooled_argument:
        name, *key = family.pooled_argument
        if key:  # SDXL keeps them in a dictionary
            changed[name] = {**kwargs[name], key[0]: put(kwargs[name][key[0]], embeds.pooled)}
        else:
            changed[name] = put(kwargs[name], embeds.pooled)
    return changed


def _weighted(prediction: Tensor, weight: Tensor) -> Tensor:
    shape = (-1,) + (1,) * (prediction.ndim - 1)
    return prediction.float() * weight.to(prediction.device, torch.float32).view(shape)


def _requested(
    pipe: Any,
    affect: Any,
    strength: float,
    guidance: float,
    directions: Mapping[Any, float] | None,
) -> _Request | None:
    """What a call asks for; None if it is the pipeline as it was."""
    check_strength(strength)
    if isinstance(guidance, bool) or not isinstance(guidance, (int, float)):
        raise InputError(f"affect_guidance_scale is a number, not {type(guidance).__name__}")
    if not 0 <= guidance <= MAX_GUIDANCE:
        raise InputError(f"affect_guidance_scale must lie in 0..{MAX_GUIDANCE:g}, not {guidance:g}")
    several = isinstance(affect, Sequence) and not isinstance(affect, (str, Affect))
    given: Sequence[Any] = affect if several else [affect]
    affects = [] if affect is None else [Affect.parse(a) for a in given]
    if several and not affects:
        raise InputError("affect is an empty list: give a point, or one for each prompt")
    if not (affects and strength) and not directions:
        return None
    return _Request(pipe, affects, strength, guidance, directions or {})


def _points(affects: Sequence[Affect], prompts: int, copies: int) -> Tensor:
    """(B, 3): the affects, one for all or one for each prompt, each repeated for the copies of its prompt."""
    if len(affects) not in (0, 1, prompts):
        raise InputError(f"{len(affects)} affects for {prompts} prompts: give one, or one for each")
    points = np.stack([a.as_array() for a in affects]) if affects else np.zeros((1, 3), np.float32)
    rows = torch.from_numpy(points).expand(prompts, 3) if len(points) == 1 else torch.from_numpy(points)
    return rows.repeat_interleave(copies, 0)


def _texts(given: Mapping[str, Any]) -> dict[str, Sequence[str]] | None:
    """The prompts of a call by argument, one text a row; None if it has embeds instead."""
    if given.get("prompt") is None or given.get("prompt_embeds") is not None:
        return None
    texts = {name: given[name] for name in _TEXTS if given.get(name)} | {"prompt": given["prompt"]}
    return {name: [text] if isinstance(text, str) else list(text) for name, text in texts.items()}
