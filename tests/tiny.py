"""Tiny random models of the real architecture, for tests."""

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from emotive.body.channels import CHANNEL, CHANNELS
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceDenoiser
from emotive.models.gesture_denoiser import GestureDenoiser
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.letter_to_sound import LetterToSound
from emotive.models.prosody_denoiser import ProsodyDenoiser
from emotive.models.speech_denoiser import SpeechDenoiser, SpeechDurations
from emotive.pipelines.gesture import EmotiveGesturePipeline
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
from emotive.train.image import new_text_encoder
from emotive.voice.phones import CONSONANTS, VOWELS

PLACES = (".out", ".up", ".ahead", "hips.side", "crouch")  # channels in metres


def wake(module: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Gives layers that start at zero something to say."""
    for p in module.parameters():
        if p.requires_grad and not p.any():
            torch.nn.init.normal_(p, std=0.05, generator=generator)
    return module.eval()


def tiny_image_pipeline(seed: int = 0) -> EmotiveImagePipeline:
    """A random image pipeline of about 100,000 parameters that paints 512px pictures of nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        affect = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
        denoiser = ImageDenoiser(
            channels=(8, 16), dim=32, layers=1, heads=2, text_dim=32, affect_dim=8, affect_pooled_dim=16,
            affect_sha256=affect.fingerprint(), few_steps=(1, 2, 4),
        )  # fmt: skip
        text_encoder, decoder = new_text_encoder(dim=32), ImageDecoder(channels=(8, 8, 8))
    generator = torch.Generator().manual_seed(seed)
    for module in (affect, denoiser, text_encoder, decoder):
        wake(module, generator)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=2.0)
    pipe = EmotiveImagePipeline(text_encoder, affect, denoiser, decoder, scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_speech_pipeline(seed: int = 0) -> EmotiveSpeechPipeline:
    """A random speech pipeline of about 60,000 parameters that says nothing in two voices."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        affect = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
        shared = {"affect_pooled_dim": 16, "affect_sha256": affect.fingerprint()}
        denoiser = SpeechDenoiser(dim=32, layers=1, heads=2, encoder_dim=16, encoder_layers=1, **shared)
        durations = SpeechDurations(dim=16, layers=1, heads=2, **shared)
        prosody = ProsodyDenoiser(dim=16, layers=1, heads=2, **shared)
        letters = LetterToSound(symbols=VOWELS + CONSONANTS, dim=16, heads=2, layers=1)
    generator = torch.Generator().manual_seed(seed)
    for module in (affect, denoiser, durations, prosody, letters):
        wake(module, generator)
    # Frames of a usual voice: F0 of 150 Hz, a spectrum that falls, some noise.
    denoiser.mean[:, 0], denoiser.deviation[:, 0] = 0.0, 0.2
    denoiser.mean[:, 1], denoiser.deviation[:, 1:61] = -12.0, 0.3
    denoiser.mean[:, 61:], denoiser.deviation[:, 61:] = -12.0, 3.0
    scheduler = FlowMatchEulerDiscreteScheduler()
    pipe = EmotiveSpeechPipeline(letters, affect, durations, denoiser, prosody, scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_head_pipeline(seed: int = 0) -> EmotiveTalkingHeadPipeline:
    """A random talking-head pipeline of about 30,000 parameters that makes a face twitch."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        affect = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
        shared = {"affect_pooled_dim": 16, "affect_sha256": affect.fingerprint()}
        denoiser = FaceDenoiser(latents=6, dim=32, layers=1, heads=2, **shared)
    generator = torch.Generator().manual_seed(seed)
    for module in (affect, denoiser):
        wake(module, generator)
    # Faces near rest: some shapes move, and the head turns by some degrees.
    torch.nn.init.normal_(denoiser.basis, std=0.1, generator=generator)
    denoiser.mean.fill_(0.1)
    denoiser.pose_deviation.fill_(0.03)
    pipe = EmotiveTalkingHeadPipeline(affect, denoiser, FlowMatchEulerDiscreteScheduler())
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_gesture_pipeline(seed: int = 0) -> EmotiveGesturePipeline:
    """A random gesture pipeline of about 40,000 parameters whose body stands and twitches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        affect = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
        shared = {"affect_pooled_dim": 16, "affect_sha256": affect.fingerprint()}
        denoiser = GestureDenoiser(dim=32, layers=1, heads=2, **shared)
    generator = torch.Generator().manual_seed(seed)
    for module in (affect, denoiser):
        wake(module, generator)
    # Hands before the belly, feet below the hips.
    for side in ("left", "right"):
        for name, value in (("out", 0.2), ("up", -0.3), ("ahead", 0.25), ("pronation", 20.0)):
            denoiser.mean[CHANNEL[f"{side}.{name}"]] = value
    angles = torch.tensor([not name.endswith(PLACES) for name in CHANNELS])
    denoiser.deviation.copy_(torch.where(angles, 4.0, 0.02))
    pipe = EmotiveGesturePipeline(affect, denoiser, FlowMatchEulerDiscreteScheduler())
    pipe.set_progress_bar_config(disable=True)
    return pipe
