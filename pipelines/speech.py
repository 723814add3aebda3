"""Speech from text and a feeling.

pipe = EmotiveSpeechPipeline.from_pretrained("emotive-speech-1")
speech = pipe("The train leaves at nine.", affect="joy").speech
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.utils.outputs import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.letter_to_sound import LetterToSound
from emotive.models.prosody_denoiser import ProsodyDenoiser
from emotive.models.speech_denoiser import PhoneTokens, SpeechDenoiser, SpeechDurations, places
from emotive.sampling.flow import guide, velocity
from emotive.sampling.schedule import check_steps, flow_timesteps
from emotive.signals import Speech
from emotive.voice.phones import BREATH, PAUSE, SYMBOLS
from emotive.voice.phrasing import breaks, breaths
from emotive.voice.text import Sentence, sentences
from emotive.voice.utterance import Timeline, Utterance, lay_out
from emotive.voice.vocoder import FRAME_RATE, MIDDLE, SAMPLE_RATE, VoiceFeatures, limited, synthesize

from .loading import Sampling, TimedPipeline, check_embedding
from .speech_rerender import prosody_controls, rerender

NUMBER = {symbol: i for i, symbol in enumerate(SYMBOLS)}
CHUNK = 400  # frames after which the next pause ends a chunk
ROUNDS = 3  # times and a curve over time depend on each other; this often they are brought together
SHORTEST = {PAUSE: 4, BREATH: 16}  # frames; other phones have 2


@dataclass
class EmotiveSpeechPipelineOutput(BaseOutput):
    """speech: the waveform with its timeline and the affect that was used."""

    speech: Speech


class EmotiveSpeechPipeline(TimedPipeline):
    """Text and affect -> speech, sentence by sentence, with the time of every phone, syllable and word."""

    kind = "a speech pipeline"
    model_cpu_offload_seq = "affect_embedding->letter_to_sound->durations->denoiser->prosody"
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        letter_to_sound: LetterToSound,
        affect_embedding: AffectEmbedding,
        durations: SpeechDurations,
        denoiser: SpeechDenoiser,
        prosody: ProsodyDenoiser,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ):
        super().__init__()
        check_embedding(
            affect_embedding,
            {"denoiser network": denoiser, "durations network": durations, "prosody network": prosody},
        )
        self.register_modules(
            letter_to_sound=letter_to_sound,
            affect_embedding=affect_embedding,
            durations=durations,
            denoiser=denoiser,
            prosody=prosody,
            scheduler=scheduler,
        )

    @property
    def voices(self) -> tuple[str, ...]:
        """Who can speak; the first is the default."""
        return tuple(self.denoiser.config["voices"])

    # -- public steps --------------------------------------------------------------------------------------

    def encode_prompt(self, utterance: Utterance, voice: str | None = None) -> PhoneTokens:
        """The phones as the networks read them, a batch of one."""
        name = self._voice(voice)
        rows = ([NUMBER[s] for s in utterance.symbols], utterance.boundary, utterance.closing)
        tokens = [torch.as_tensor(np.asarray(row), dtype=torch.long)[None] for row in rows]
        voice_number = torch.tensor([self.voices.index(name)])
        return PhoneTokens(tokens[0], tokens[1], tokens[2], voice_number).to(self._execution_device)

    @torch.no_grad()
    def time(
        self, utterance: Utterance, phones: PhoneTokens, affect: np.ndarray, strength: float
    ) -> Timeline:
        """The utterance in time, for the affect (P, 3) at each of its phones."""
        none = torch.zeros(1, dtype=torch.bool, device=self._execution_device)
        log_frames = self.durations(phones, self.encode_affect(affect[None], strength), none)
        frames = log_frames[0].float().exp().cpu().numpy().astype(np.float64)
        least = np.array([SHORTEST.get(s, 2) for s in utterance.symbols])
        # Rounding the running sum, not each phone, keeps the whole as long as it was meant to be.
        edges = np.rint(np.concatenate([[0], np.cumsum(np.maximum(frames, least))])).astype(int)
        return Timeline(utterance, edges)

    def prepare_latents(
        self, frames: int, generator: torch.Generator | None = None, latents: Tensor | None = None
    ) -> Tensor:
        """Noise (1, T, channels), float32, T = `frames` made even: drawn from `generator`, or given."""
        shape = (1, frames + frames % 2, self.denoiser.config["channels"])
        if latents is None:
            return randn_tensor(
                shape, generator=generator, device=self._execution_device, dtype=torch.float32
            )
        if tuple(latents.shape) != shape:
            raise InputError(f"latents must be {shape}, not {tuple(latents.shape)}")
        return latents.to(self._execution_device, torch.float32)

    def decode(self, latents: Tensor, voicing: Tensor, voice: str | None = None) -> VoiceFeatures:
        """Clean latents (1, T, channels) and logits of voicing (1, T) -> vocoder frames."""
        number = self.voices.index(self._voice(voice))
        frames = latents[0].float() * self.denoiser.deviation[number] + self.denoiser.mean[number]
        rows = frames.cpu().numpy()
        return VoiceFeatures(
            rows[:, 0] + np.float32(MIDDLE),
            (voicing[0] > 0).cpu().numpy(),
            rows[:, 1:-3],
            rows[:, -3:].clip(None, 0),
        )

    # -- the call --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def __call__(
        self,
        text: str | Iterable[str],
        affect: Affect | AffectCurve | str | Sequence[Affect | str] | None = None,
        *,
        voice: str | None = None,
        num_inference_steps: int = 8,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        breathing: bool = True,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
        callback_on_step_end: Callable[[EmotiveSpeechPipeline, int, Tensor, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> EmotiveSpeechPipelineOutput | tuple:
        """Speaks.

        Args:
            text: English; numbers, dates, abbreviations and the like are read as words.
            affect: a point of affect, its name or text (`Affect.parse`); a curve in seconds of speech;
                or one affect for each word, as the front end counts them.
            voice: one of `voices`; None is the first.
            num_inference_steps: 1..1000.
            guidance_scale: how closely to follow the phones; 1 is unguided. None: the model's default.
            affect_guidance_scale: how closely to follow the affect; 1 is unguided. None: the model's default.
            affect_strength: 0 is neutral, 1 the affect as given; coordinates beyond +-1 are cut off there.
            breathing: whether pauses may end in an audible breath.
            generator: source of the noise.
            return_dict: an `EmotiveSpeechPipelineOutput`, or a tuple of its fields.
            callback_on_step_end: called as (pipeline, step, timestep, {"latents": ...}) for every chunk; may
                return new ones.

        Raises:
            InputError: an argument cannot be honoured, or there is nothing to say.
        """
        parts = self.stream(
            text,
            affect,
            voice=voice,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            affect_guidance_scale=affect_guidance_scale,
            affect_strength=affect_strength,
            breathing=breathing,
            generator=generator,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
        )
        speech = Speech.concatenate(list(parts))
        self.maybe_free_model_hooks()
        return EmotiveSpeechPipelineOutput(speech) if return_dict else (speech,)

    rerender, prosody_controls = rerender, prosody_controls

    def stream(
        self,
        text: str | Iterable[str],
        affect: Affect | AffectCurve | str | Sequence[Affect | str] | None = None,
        *,
        voice: str | None = None,
        num_inference_steps: int = 8,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        breathing: bool = True,
        generator: torch.Generator | None = None,
        callback_on_step_end: Callable | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Iterator[Speech]:
        """As the call, a few phrases at a time as soon as they are ready; `Speech.start` is their place.

        Joined, the parts are what the call returns. `text` may be a generator of its parts.
        """
        check_steps(num_inference_steps)
        if not 0 <= affect_strength <= 10:
            raise InputError(f"affect_strength must lie in 0..10, not {affect_strength}")
        if set(callback_on_step_end_tensor_inputs) - set(self._callback_tensor_inputs):
            raise InputError(f"callbacks can be given {self._callback_tensor_inputs}")
        name = self._voice(voice)
        how = Sampling(
            num_inference_steps,
            self._scales(guidance_scale, affect_guidance_scale),
            generator,
            callback_on_step_end,
            tuple(callback_on_step_end_tensor_inputs),
        )
        feeling = _Feeling(affect)

        def parts() -> Iterator[Speech]:
            self._interrupt = False
            start, spoken = 0.0, 4
            for sentence in sentences(text, self.letter_to_sound.phones):
                feeling.begin(sentence)
                mood = feeling.first(start).scaled(affect_strength)
                pauses = breaks(sentence, mood)
                drawn = breaths(sentence, pauses, mood, spoken) if breathing else set()
                spoken = len(sentence.words) - 1 - max(drawn, default=-1 - spoken)
                utterance = lay_out(sentence, pauses, drawn)
                phones = self.encode_prompt(utterance, name)
                timeline, curve = self._settle(utterance, phones, feeling, start, affect_strength)
                take = Take(timeline, phones, self.denoiser.encode(phones), curve, affect_strength, name)
                for begin, end in chunks(timeline):
                    waveform = limited(synthesize(self.speak(take, how, begin, end)))
                    said = sentence.text if begin == 0 else ""
                    yield _part(take, begin, end, waveform, said, start)
                start += timeline.frames / FRAME_RATE
            feeling.check_all_used()

        # The checks above are made now, not when the first part is asked for.
        return _without_gradients(parts())

    @torch.no_grad()
    def speak(self, take: Take, how: Sampling, begin: int = 0, end: int | None = None) -> VoiceFeatures:
        """The vocoder frames of the phones `begin` to `end` of a take, all of them unless given."""
        device, dtype, edges = self._execution_device, self.denoiser.dtype, take.timeline.edges
        at = slice(int(edges[begin]), int(edges[len(edges) - 1 if end is None else end]))
        frames = at.stop - at.start
        length = frames + frames % 2
        phone = torch.from_numpy(take.timeline.phone_of_frame())
        place = places(torch.from_numpy(edges), phone)
        mine = torch.full((1, length), -1)
        mine[0, :frames] = phone[at]
        where = place.new_zeros(1, length, 3)
        where[0, :frames] = place[at]
        points = take.curve.sample(FRAME_RATE, (edges[-1] + 1) / FRAME_RATE)[at.start : at.start + length : 2]
        feeling = self.encode_affect(points[None], take.strength)
        # Guidance needs three predictions: nothing, phones only, phones and affect.
        guided, guidance = how.scales != (1.0, 1.0), torch.tensor([how.scales], device=device)
        no_phones = torch.tensor([True, False, False] if guided else [False], device=device)
        no_affect = torch.tensor([True, True, False] if guided else [False], device=device)
        n = len(no_phones)

        def rows(one: Tensor) -> Tensor:
            return one.to(device).expand(n, *one.shape[1:])

        fixed = [rows(part) for part in (take.encoded, mine, where, take.phones.voice, feeling)]
        timesteps, sigmas = flow_timesteps(self.scheduler, how.steps, device)
        x = self.prepare_latents(frames, how.generator)
        voicing = x.new_zeros(1, length)
        with self.progress_bar(total=len(timesteps)) as bar:  # type: ignore[call-arg]
            for i, t in enumerate(timesteps):
                if self._interrupt:
                    continue
                clean, logits = self.denoiser(
                    rows(x.to(dtype)), sigmas[i].expand(n), *fixed, no_phones, no_affect
                )
                clean, voicing = clean.float(), logits[-1:]
                if guided:
                    clean = guide(*clean.split(1), guidance)
                x = self.scheduler.step(velocity(x, clean, sigmas[i].expand(1)), t, x, return_dict=False)[0]
                if how.callback is not None:
                    x = how.callback(self, i, t, {name: x for name in how.inputs}).pop("latents", x)
                bar.update()
        return self.decode(x[:, :frames], voicing[:, :frames], take.voice)

    # -- what the call is made of ----------------------------------------------------------------------------

    def _voice(self, name: str | None) -> str:
        name = name or self.voices[0]
        if name not in self.voices:
            raise InputError(f"there is no voice {name!r}; this model has {', '.join(self.voices)}")
        return name

    def _settle(
        self, utterance: Utterance, phones: PhoneTokens, feeling: _Feeling, start: float, strength: float
    ) -> tuple[Timeline, AffectCurve]:
        """Times that follow from the affect at those times, and the curve from the sentence's start on."""
        affect = np.repeat(feeling.first(start).as_array()[None], len(utterance), 0)
        timeline = self.time(utterance, phones, affect, strength)
        curve = feeling.curve(timeline, start)
        for _ in range(ROUNDS if len(curve.keyframes) > 1 else 0):
            middles = (timeline.edges[:-1] + timeline.edges[1:]) / 2 / FRAME_RATE
            affect = np.stack([curve.at(float(t)).as_array() for t in middles])
            timeline = self.time(utterance, phones, affect, strength)
            curve = feeling.curve(timeline, start)
        return timeline, curve


@dataclass(frozen=True)
class Take:
    """A sentence with its times: all that the denoiser is told. `curve` runs on the sentence's own clock."""

    timeline: Timeline
    phones: PhoneTokens
    encoded: Tensor
    curve: AffectCurve
    strength: float
    voice: str


def _part(take: Take, begin: int, end: int, waveform: np.ndarray, text: str, start: float) -> Speech:
    """A chunk as `Speech`: its waveform, what of the timeline lies in it, and the affect that was used."""
    edges = take.timeline.edges / FRAME_RATE
    since, until = float(edges[begin]), float(edges[end])
    tiers = []
    for tier in take.timeline.spans(FRAME_RATE):
        inside = [span for span in tier if since - 1e-6 <= span.start and span.end <= until + 1e-6]
        tiers.append(tuple(replace(span, start=span.start - since, end=span.end - since) for span in inside))
    used = AffectCurve([(t, a.scaled(take.strength)) for t, a in _piece(take.curve, since, until)])
    return Speech(waveform, SAMPLE_RATE, text, *tiers, affect=used, voice=take.voice, start=start + since)


def _piece(curve: AffectCurve, since: float, until: float) -> list[tuple[float, Affect]]:
    """The keyframes of a curve from `since` to `until`, on a clock that starts at `since`."""
    if len(curve.keyframes) == 1:
        return [(0.0, curve.keyframes[0][1])]
    inside = [(t - since, a) for t, a in curve.keyframes if since < t < until]
    return [(0.0, curve.at(since)), *inside, (until - since, curve.at(until))]


def chunks(timeline: Timeline) -> Iterator[tuple[int, int]]:
    """Runs of phones (begin, end) to be spoken at once: the first phrase alone, then about four seconds each.

    They end after pauses, where nothing of one sounds into the next.
    """
    symbols, edges = timeline.utterance.symbols, timeline.edges
    begin = 0
    for i in range(1, len(symbols)):
        least = FRAME_RATE if begin == 0 else CHUNK
        ends_pause = symbols[i - 1] == PAUSE and symbols[i] != BREATH
        if ends_pause and edges[i] - edges[begin] >= least and edges[-1] - edges[i] >= FRAME_RATE:
            yield begin, i
            begin = i
    yield begin, len(symbols)


class _Feeling:
    """What was asked for as `affect`, sentence by sentence."""

    def __init__(self, affect: object):
        self.words: list[Affect] | None = None
        self.asked = AffectCurve.constant(Affect.neutral())
        self._used = 0
        if isinstance(affect, (list, tuple)):
            self.words = [Affect.parse(a) for a in affect]
            if not self.words:
                raise InputError("the list of affects is empty: give one for each word")
        elif affect is not None:
            self.asked = AffectCurve.coerce(affect)  # type: ignore[arg-type]
        self._mine: list[Affect] = []

    def begin(self, sentence: Sentence) -> None:
        """The next sentence; its words take their affects."""
        if self.words is None:
            return
        count = len(sentence.words)
        self._mine = self.words[self._used : self._used + count]
        self._used += count
        if len(self._mine) < count:
            raise InputError(
                f"{len(self.words)} affects are too few: the text has at least {self._used} words"
            )

    def first(self, start: float) -> Affect:
        """The affect with which the sentence begins, `start` seconds into the text."""
        return self._mine[0] if self.words is not None else self.asked.at(start)

    def curve(self, timeline: Timeline, start: float) -> AffectCurve:
        """The affect over a sentence, on a clock that starts with it."""
        if self.words is None:
            return AffectCurve(_piece(self.asked, start, start + timeline.frames / FRAME_RATE + 1))
        middles = [(w.start + w.end) / 2 for w in timeline.spans(FRAME_RATE)[2]]
        if len(set(self._mine)) == 1:
            return AffectCurve.constant(self._mine[0])
        return AffectCurve(zip(middles, self._mine, strict=True))

    def check_all_used(self) -> None:
        """Raises InputError if there were more affects than words."""
        if self.words is not None and self._used != len(self.words):
            raise InputError(f"{len(self.words)} affects for {self._used} words: give one for each")


def _without_gradients(parts: Iterator[Speech]) -> Iterator[Speech]:
    while True:
        with torch.no_grad():
            part = next(parts, None)
        if part is None:
            return
        yield part
