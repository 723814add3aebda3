"""The embedded image model in the real-time benchmark: our sampler beside the pipeline's own call."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from realtime_arms import SWITCHES, Arm, Runner, our_arms
from roofline import Work, count

from emotive.affect import Affect
from emotive.models.affect_embedding import AffectTokens
from emotive.models.text_encoder import TextFeatures
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.pipelines.realtime import realtime

SCENE = ("a house in a meadow", "joy")


def open_model(name: str, device: torch.device, dtype: torch.dtype) -> EmotiveImagePipeline:
    """The pipeline, there."""
    pipe = EmotiveImagePipeline.from_pretrained(name, dtype=dtype).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def embedded_work(pipe: EmotiveImagePipeline, steps: int) -> Work:
    """The work of a picture in `steps` steps: a full forward of the denoiser for each, and the decoder."""
    denoiser, decoder = (copy.deepcopy(part).to("meta") for part in (pipe.denoiser, pipe.decoder))
    words, felt = pipe.encode_prompt([SCENE[0]]), pipe.encode_affect([Affect.parse(SCENE[1])])
    text, affect = TextFeatures(*(t.to("meta") for t in words)), AffectTokens(*(t.to("meta") for t in felt))
    side = denoiser.config["sample_size"]
    x = torch.empty(1, 3, side, side, device="meta", dtype=denoiser.dtype)
    one = torch.ones(1, device="meta")
    without, guidance = one.bool(), torch.ones(1, 2, device="meta")
    forward = count(lambda: denoiser(x, one, one, text, affect, without, guidance))
    return forward.times(steps) + count(lambda: decoder(x))


def embedded_arms(pipe: EmotiveImagePipeline, steps: int, ablation: bool) -> list[Arm]:
    """The pipeline's own call first, which is the reference of the others' pictures."""

    def sampler(tuning: Any) -> Any:
        mine = copy.deepcopy(pipe)
        layout = torch.channels_last if tuning.channels_last else torch.contiguous_format
        for part in (mine.denoiser, mine.decoder):
            part.to(memory_format=layout)
        return realtime(mine, steps=steps, tuning=replace(tuning, channels_last=True))  # as laid out here

    mine = [switch for switch in SWITCHES if not {"attention", "kernels"} & set(switch[1])]
    ours = our_arms(sampler, pipe.device, ablation, SCENE, mine)
    return [Arm("the pipeline's own call", lambda: pipeline_runner(pipe, steps)), *ours]


def pipeline_runner(pipe: EmotiveImagePipeline, steps: int) -> Runner:
    """`pipe(...)` for every frame, with its text encoder, as one would call it; a PIL picture to an array."""
    own = torch.Generator().manual_seed(0)

    def picture(generator: torch.Generator, kind: str) -> Any:
        return pipe(
            *SCENE, num_inference_steps=steps, generator=generator, output_type=kind, return_dict=False
        )[0]

    def pixels(generator: torch.Generator) -> np.ndarray:
        return np.stack([np.asarray(image) for image in picture(generator, "pil")])

    return Runner(
        frame=lambda: pixels(own),
        floats=lambda: picture(own, "pt"),
        known=lambda: pixels(torch.Generator().manual_seed(0)),
    )
