"""The recipe of the embedded voice: readings -> acoustic model and durations -> prosody -> card.

    emotive train speech --minutes 90 -o runs/speech

Synthesisers read sentences once (about a quarter of an hour on a core); training makes takes with feeling
from them as it goes. Every stage keeps its state in the output folder: the same command goes on where it
stopped. `--init NAME|DIR` starts from the weights of a finished model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from emotive.data.readings import Speaker, make_readings, open_speakers
from emotive.data.takes import random_affect
from emotive.data.vocal_affect import vocal_controls
from emotive.devices import choose_device, choose_dtype
from emotive.errors import WeightsError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.letter_to_sound import LetterToSound
from emotive.models.prosody_denoiser import FRAMES, ProsodyDenoiser
from emotive.models.speech_denoiser import SpeechDenoiser, SpeechDurations
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.voice.hearing import heard
from emotive.voice.vocoder import VoiceFeatures
from emotive.weights import resolve, verify, write_sums

from .letter_to_sound import read_metrics, train_letter_to_sound
from .loop import on_device, train
from .speech_card import facts_of, measure, write_card
from .speech_data import SpeechBatch, batches, normalisation
from .speech_losses import ProsodyBatch, Voice, prosody_loss, voice_loss

VOICES = ("slt", "rms")  # that the model speaks with
PROSODY_VOICES = (
    "awb",
    "kal",
    "ked",
)  # whose readings teach the prosody denoiser, which must know no speaker
SHARES = {"letters": 0.15, "voice": 0.72, "prosody": 0.13}


def train_speech(
    output: Path,
    minutes: float = 90.0,
    device: str | None = None,
    init: str | None = None,
    seed: int = 0,
    sentences: int = 3000,
    batch_size: int = 16,
    compile: bool = False,
    report: Callable[[str], None] = print,
) -> Path:
    """Trains the voice and returns the folder of the finished pipeline, `output/emotive-speech-1`.

    Args:
        output: folder for readings and states; an interrupted run goes on from it.
        minutes: training time in all, shared among the stages as SHARES says; the readings come on top.
        device: "cpu" or "cuda"; None takes the best one.
        init: an embedded model or a folder to start the acoustic model and the durations from.
        seed: of weights, batches and sentences.
        sentences: read by each voice of the model; a fifth of it by each that teaches prosody.
        compile: torch.compile the acoustic model: a sixth faster; needs a C++ compiler on a CPU.

    Raises:
        InputError: flite or festival is not installed.
    """
    place = choose_device(device)
    output.mkdir(parents=True, exist_ok=True)
    source = resolve(init) if init else None
    if source:
        verify(source)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1")).eval().requires_grad_(False)
    spelling = train_letter_to_sound(output, minutes * SHARES["letters"], seed, report)
    letters = LetterToSound.from_pretrained(spelling, low_cpu_mem_usage=False).float().eval()
    readings = output / "readings"
    readings.mkdir(exist_ok=True)
    for name, count in [(v, sentences) for v in VOICES] + [(v, sentences // 5) for v in PROSODY_VOICES]:
        make_readings(readings, name, count, seed, letters.phones, report)
    speakers = open_speakers(readings, VOICES)
    voice = train_voice(
        output, speakers, affect, minutes * SHARES["voice"], place, source, batch_size, compile, seed, report
    )
    others = open_speakers(readings, PROSODY_VOICES)
    prosody = train_prosody(
        output, others, affect, minutes * SHARES["prosody"], place, seed=seed, report=report
    )
    folder = save(output, letters, affect, voice, prosody)
    command = f"emotive train speech --minutes {minutes:g} --seed {seed}" + " --compile" * compile
    command += f" --init {init}" if init else ""
    report("measuring the finished model")
    pipe = EmotiveSpeechPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    facts = facts_of(pipe, folder, command, history(output, place), sentences)
    write_card(folder, measure(pipe, speakers), read_metrics(spelling), facts)
    write_sums(folder)
    return folder


def save(
    output: Path, letters: LetterToSound, affect: AffectEmbedding, voice: Voice, prosody: ProsodyDenoiser
) -> Path:
    """Writes the pipeline as bf16 safetensors."""
    parts = (letters, affect, voice.durations, voice.denoiser, prosody)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    pipe = EmotiveSpeechPipeline(*parts, scheduler)
    for network in parts:
        network.register_to_config(_name_or_path="")  # not where they lay on this machine
    folder = output / "emotive-speech-1"
    pipe.to("cpu", torch.bfloat16).save_pretrained(folder)
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    return folder


def history(output: Path, place: torch.device) -> str:
    """What each stage took, from its state file."""
    stages = []
    for name in ("voice", "prosody"):
        state = torch.load(output / f"{name}.pt", weights_only=True, mmap=True)
        stages.append(f"{name} {state['samples']:,} takes in {state['spent'] / 60:.0f} minutes")
    machine = torch.cuda.get_device_name() if place.type == "cuda" else f"{torch.get_num_threads()} CPU cores"
    return f"{'; '.join(stages)}; on {machine}, {choose_dtype(place)[1].split(':')[0]}"


PROSODY_CROP = 96  # tokens of FRAMES frames


def train_voice(
    output: Path,
    speakers: Sequence[Speaker],
    affect: AffectEmbedding,
    minutes: float,
    device: torch.device,
    init: Path | None = None,
    batch_size: int = 16,
    compile: bool = False,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Voice:
    """Acoustic model and durations; returns the averaged weights."""
    dtype, reason = choose_dtype(device)
    report(f"training on {device.type}, {reason}")

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    names, sha256 = tuple(s.name for s in speakers), affect.fingerprint()
    if init is None:
        denoiser = SpeechDenoiser(voices=names, affect_sha256=sha256)
        durations = SpeechDurations(voices=names, affect_sha256=sha256)
        denoiser.mean, denoiser.deviation = normalisation(speakers, seed)
    else:
        denoiser = SpeechDenoiser.from_pretrained(init / "denoiser")
        durations = SpeechDurations.from_pretrained(init / "durations")
        if denoiser.config["affect_sha256"] != sha256 or tuple(denoiser.config["voices"]) != names:
            raise WeightsError(f"{init} was trained with another affect embedding, or other voices")
    voice = Voice(denoiser.float(), durations.float(), affect)
    voice = on_device(device, voice)
    on_device(device, affect)
    forward = torch.compile(voice) if compile else voice

    def loss(batch: SpeechBatch) -> torch.Tensor:
        return voice_loss(voice, forward, batch.to(device), autocast)

    feed = batches(speakers, batch_size, seed)
    state = output / "voice.pt"
    return train(voice, feed, loss, minutes, state, report=report, label="voice").model


def prosody_batches(speakers: Sequence[Speaker], size: int, seed: int) -> Iterator[ProsodyBatch]:
    """Endless batches of what the rules do to neutral readings."""
    rng = np.random.default_rng(seed)
    while True:
        rows = []
        for _ in range(size):
            speaker = speakers[int(rng.integers(len(speakers)))]
            reading = speaker.readings[int(rng.integers(len(speaker.readings)))]
            affect = random_affect(reading.timeline, rng)
            controls = vocal_controls(reading.timeline, affect, rng)
            rows.append(_tokens(reading.features, controls, affect, speaker.centre, rng))
        yield ProsodyBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def _tokens(
    features: VoiceFeatures,
    controls: np.ndarray,
    affect: np.ndarray,
    centre: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Controls, hearing and affect, `FRAMES` frames to a token, cropped and padded to `PROSODY_CROP`."""
    # Recordings come at any level and colour, and pitch trackers are not sure of a speaker's middle.
    ears = heard(features, centre + 0.03 * rng.standard_normal(), FRAMES)
    short = len(ears) * FRAMES - len(controls)
    tracks = [
        np.pad(t, [(0, short), (0, 0)], mode="edge").reshape(len(ears), FRAMES, -1).mean(1)
        for t in (controls, affect)
    ]
    start = int(rng.integers(0, max(1, len(ears) - PROSODY_CROP + 1)))
    out = []
    for track in (tracks[0], ears, tracks[1]):
        crop = track[start : start + PROSODY_CROP]
        out.append(np.pad(crop, [(0, PROSODY_CROP - len(crop)), (0, 0)]).astype(np.float32))
    return (*out, np.arange(PROSODY_CROP) < len(ears) - start)


def train_prosody(
    output: Path,
    speakers: Sequence[Speaker],
    affect: AffectEmbedding,
    minutes: float,
    device: torch.device,
    batch_size: int = 24,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> ProsodyDenoiser:
    """The prosody denoiser; returns the averaged weights."""
    dtype, _ = choose_dtype(device)

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    affect = on_device(device, affect)
    denoiser = ProsodyDenoiser(affect_sha256=affect.fingerprint())
    feed = prosody_batches(speakers, batch_size, seed)
    controls = torch.cat([next(feed).controls for _ in range(20)])
    denoiser.deviation = controls.flatten(0, 1).std(0).clamp_min(0.01)
    denoiser = on_device(device, denoiser)

    def loss(batch: ProsodyBatch) -> torch.Tensor:
        return prosody_loss(denoiser, affect, ProsodyBatch(*(part.to(device) for part in batch)), autocast)

    return train(denoiser, feed, loss, minutes, output / "prosody.pt", report=report, label="prosody").model
