"""The arms of the real-time benchmark: what paints a frame, and how one sees that it really did.

Every arm gets the same weights, the embeddings of its prompt before the first frame, and new noise at every
frame; a frame is there when its pixels, uint8 (B, H, W, 3), are in the memory of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from realtime_networks import Networks, Setting
from stream_diffusion import GivenPipe, new_stream, stream_frame
from torch import Tensor

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.sampling.realtime.sampler import RealtimeSampler
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.tiny_decoder import TinyDecoder
from emotive.sampling.realtime.tuning import Tuning
from emotive.sampling.realtime.unet import AnchorEmbeds, UNetDenoiser

NO_GPU = "not measured: no GPU at hand"
NOTHING = Tuning(channels_last=False, hoist=False, device_noise=False)
# In this order, each on top of those before it; on a CPU those that need a GPU are left out.
SWITCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("noise on the device", {"device_noise": True}),
    ("channels_last", {"channels_last": True}),
    ("hoisting", {"hoist": True}),
    ("pinned output", {"pinned": True}),
    ("torch.compile", {"compile": True}),
    ("CUDA graph", {"graph": True}),
    ("cuDNN attention", {"attention": "cudnn"}),
    ("our kernels", {"kernels": True}),
)


@dataclass(frozen=True, eq=False)
class Runner:
    """An arm ready to run.

    frame: one frame, on the host. stream: `n` frames, each handed out while the next is painted, where the
    arm can. floats: the picture of one more frame before rounding, where the arm has it. known: the frame of
    the noise of seed 0, where it can be asked for. fallback: what the arm did not really do, in words.
    """

    frame: Callable[[], np.ndarray]
    stream: Callable[[int], Iterator[np.ndarray]] | None = None
    floats: Callable[[], Tensor] | None = None
    known: Callable[[], np.ndarray] | None = None
    fallback: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, eq=False)
class Arm:
    """A row of the table: its name, how it is made ready, whether it goes through torch.compile; `unable`
    says why it cannot run here."""

    name: str
    build: Callable[[], Runner]
    compiled: bool = False
    unable: str = ""


def unet_arms(networks: Networks, setting: Setting, checkout: type | None, ablation: bool) -> list[Arm]:
    """All arms of a section over a UNet. The first is the reference of the others' pictures."""
    arms = [
        Arm("diffusers", lambda: diffusers_runner(networks, setting)),
        Arm("diffusers, compiled", lambda: diffusers_runner(networks, setting, compiled=True), True),
    ]
    unable = "" if checkout else "not measured: no --stream-diffusion CHECKOUT was given"
    for compiled in (False, True):
        name = "StreamDiffusion, compiled" if compiled else "StreamDiffusion"

        def build(compiled: bool = compiled) -> Runner:
            assert checkout is not None  # or the arm is `unable`
            return stream_diffusion_runner(checkout, networks, setting, compiled)

        arms.append(Arm(name, build, compiled, unable))
    return arms + our_arms(
        lambda tuning: our_unet_sampler(networks, setting, tuning), networks.device, ablation
    )


def our_arms(
    sampler: Callable[[Tuning], RealtimeSampler],
    device: torch.device,
    ablation: bool,
    scene: tuple[str, str | None] = ("", None),
    switches: Sequence[tuple[str, dict[str, Any]]] = SWITCHES,
) -> list[Arm]:
    """Ours with every optimisation off, then with one more at a time (another way of attention by itself: it
    may not be there), or at once with all of `Tuning.for_device`; and that again with an affect that moves at
    every frame."""

    def arm(name: str, tuning: Tuning, moving: bool = False) -> Arm:
        return Arm(name, lambda: our_runner(sampler(tuning), tuning, scene, moving), tuning.compile)

    arms, tuning = [arm("ours, nothing switched on", NOTHING)], NOTHING
    for name, change in switches if ablation else ():
        wanted = replace(tuning, **change)
        try:
            wanted.check(device)
        except InputError as error:
            why = NO_GPU if device.type != "cuda" else str(error)
            arms.append(replace(arm(f"+ {name}", wanted), unable=why))
            continue
        arms.append(arm(f"+ {name}", wanted))
        if "attention" not in change:
            tuning = wanted
    usual = Tuning.for_device(device)
    return [*arms, arm("ours, as it comes", usual), arm("the same, affect moving", usual, moving=True)]


# -- diffusers -------------------------------------------------------------------------------------------


def diffusers_runner(networks: Networks, setting: Setting, compiled: bool = False) -> Runner:
    """The loop of diffusers' pipelines after the text encoder; a stream batch it does not have, so that its
    steps come one after another. As shipped, pixels are made of the decoder's floats by numpy; compiled, on
    the device, which is quicker."""
    from diffusers.image_processor import VaeImageProcessor
    from diffusers.utils.torch_utils import randn_tensor

    unet, vae = networks.copies()
    device, cells = networks.device, networks.architecture.cells
    denoise, decode = unet, vae.decode
    if compiled:
        denoise, decode = compiled_part(denoise, device), compiled_part(decode, device)
    scheduler = networks.scheduler(setting.steps)
    words = networks.words.expand(setting.batch, -1, -1).contiguous()
    processor = VaeImageProcessor(vae_scale_factor=8)

    def picture(generator: Any, dtype: torch.dtype) -> Tensor:
        if compiled and device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        scheduler.set_timesteps(setting.steps, device=device)
        shape = (setting.batch, 4, cells, cells)
        x = randn_tensor(shape, generator=generator, device=device, dtype=dtype) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            scaled = scheduler.scale_model_input(x, t).to(networks.dtype)
            out = denoise(scaled, t, encoder_hidden_states=words, return_dict=False)[0].to(dtype)
            x = scheduler.step(out, t, x, generator=generator, return_dict=False)[0]
        return decode((x / vae.config.scaling_factor).to(networks.dtype), return_dict=False)[0]

    @torch.no_grad()
    def frame() -> np.ndarray:
        image = picture(own, networks.dtype)
        if compiled:
            return packed(image).cpu().numpy()
        return (255 * np.asarray(processor.postprocess(image, output_type="np"))).round().astype("uint8")

    @torch.no_grad()
    def known() -> np.ndarray:  # float32 between the steps, as our sampler does
        seeds = [torch.Generator().manual_seed(b) for b in range(setting.batch)]
        return packed(picture(seeds, torch.float32)).cpu().numpy()

    own = torch.Generator(device).manual_seed(0)
    return Runner(frame, floats=torch.no_grad()(lambda: picture(own, networks.dtype)), known=known)


# -- StreamDiffusion -------------------------------------------------------------------------------------


def stream_diffusion_runner(
    stream_diffusion: type, networks: Networks, setting: Setting, compiled: bool = False
) -> Runner:
    """StreamDiffusion's core as it stands; compiled, its two networks are replaced by compiled ones. Pixels
    are made on the device, which is quicker than its own `postprocess_image`."""
    unet, vae = networks.copies()
    device = networks.device
    if compiled:
        unet, vae.decode = compiled_part(unet, device), compiled_part(vae.decode, device)
    pipe = GivenPipe(device, unet, vae, networks.scheduler(1), networks.words)
    side = networks.architecture.side
    stream = new_stream(stream_diffusion, pipe, side, setting.steps, setting.mode, setting.batch)

    @torch.no_grad()
    def floats() -> Tensor:
        if compiled and device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        return stream_frame(stream, setting.batch)

    return Runner(lambda: packed(floats()).cpu().numpy(), floats=floats)


def compiled_part(part: Any, device: torch.device) -> Any:
    """Through torch.compile in full or not at all; on CUDA with autotuning and its own CUDA graphs."""
    mode = "max-autotune" if device.type == "cuda" else "default"
    return torch.compile(part, mode=mode, fullgraph=True, dynamic=False)


def packed(images: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> uint8 (B, H, W, 3), on the device."""
    return images.float().mul(127.5).add(128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


# -- ours ------------------------------------------------------------------------------------------------


class GivenAnchors:
    """Stands in for the text encoders and the adapter of affect: embeddings at the four corners of affect,
    whose mean, which neutral gets, is the prompt that the other arms have."""

    def __init__(self, words: Tensor):
        generator = torch.Generator().manual_seed(4)
        shifts = 0.5 * torch.randn(2, *words.shape[1:], generator=generator).to(words)
        self.tokens = words + torch.cat([shifts, -shifts])  # (4, N, D)

    def embeds(self, prompts: Sequence[str]) -> AnchorEmbeds:
        """The same four for every prompt."""
        return AnchorEmbeds(self.tokens.expand(len(prompts), -1, -1, -1), None)

    def weights(self, affects: Sequence[Affect]) -> Tensor:
        """Bilinear in valence and arousal."""
        v, a = torch.tensor([[p.valence, p.arousal] for p in affects]).add(1).div(2).unbind(1)
        return torch.stack([(1 - v) * (1 - a), v * (1 - a), (1 - v) * a, v * a], 1)


def our_unet_sampler(networks: Networks, setting: Setting, tuning: Tuning) -> RealtimeSampler:
    """Our sampler over the same networks."""
    unet, vae = networks.copies()
    schedule = StepSchedule.from_scheduler(networks.scheduler(setting.steps), setting.steps)
    cells = networks.architecture.cells
    denoiser = UNetDenoiser(
        unet,
        schedule,
        GivenAnchors(networks.words),
        cells=(cells, cells),
        hoist=tuning.hoist,
        channels_last=tuning.channels_last,
        attention=tuning.attention,
        kernels=tuning.kernels,
    )
    decoder = TinyDecoder(vae, tuning.channels_last, tuning.kernels)
    return RealtimeSampler(denoiser, decoder, schedule, setting.mode, setting.batch, tuning)


def our_runner(
    sampler: RealtimeSampler, tuning: Tuning, scene: tuple[str, str | None], moving: bool = False
) -> Runner:
    """Our sampler on a scene (prompt and affect), with new noise at every frame; `moving`, with another
    affect at every frame too."""
    prompt, affect = scene
    sampler.prepare(prompt, affect, seed=0, fresh=True)
    turn = iter(range(10**9))

    def move() -> None:
        angle = 0.1 * next(turn)
        sampler.update(Affect(float(np.cos(angle)), float(np.sin(angle))))

    def frame() -> np.ndarray:
        if moving:
            move()
        return sampler.step().pixels()

    def stream(n: int) -> Iterator[np.ndarray]:
        for shown in sampler.stream(n):
            yield shown.pixels()
            if moving:
                move()

    def known() -> np.ndarray:
        sampler.prepare(prompt, affect, seed=0)
        return sampler.step().pixels().copy()

    def fallback() -> str | None:
        if tuning.graph and (n := replays(sampler.step)) != 1:
            return f"the CUDA graph was replayed {n} times for a frame, not once"
        return None

    return Runner(frame, stream, known=known, fallback=fallback)


def replays(call: Callable[[], object]) -> int:
    """How many CUDA graphs a call replays."""
    kept, times = torch.cuda.CUDAGraph.replay, []

    def replay(graph: Any) -> None:
        times.append(graph)
        kept(graph)

    torch.cuda.CUDAGraph.replay = replay  # type: ignore[method-assign]
    try:
        call()
    finally:
        torch.cuda.CUDAGraph.replay = kept  # type: ignore[method-assign]
    return len(times)
