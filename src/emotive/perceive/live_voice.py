"""Affect of a voice that is still speaking: what the speech judge hears while there is a voice, over time.

heard = LiveVoiceAffect(SpeechJudge.from_pretrained(), 16_000)
for chunk in microphone:
    if (affect := heard.push(chunk)) is not None:
        ...

Every 0.2 s of sound the judge reads the last two seconds. Its answers are joined by a Kalman filter (Kalman
1960), valence and arousal each by itself. While somebody speaks, affect is a random walk (the local level
model; Durbin & Koopman 2012, chapter 2), and an answer counts by the spread that the judge gives it, so that
a doubtful one moves little. Silence measures nothing: the estimate goes back to rest, and its spread grows
again to that of not knowing. Time is counted in samples, so that neither the size of the chunks nor how fast
they come changes what is found.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.voice.listening import RATE as LISTENED

from .clips import SHORTEST
from .voice import PIECE, SPOKEN, SpeechJudge
from .voice_gate import TOKENS, VoiceGate

RATE = 16_000  # samples/s that are kept, and read by the judge
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # samples/s that microphones have
STEP = 0.2  # seconds between readings
WINDOW = 2.0  # seconds that are read at once
HANG = 0.4  # seconds without voice that are still speech: stops, voiceless sounds, a breath
LEAD = 0.1  # seconds before the first voice of an utterance that belong to it

CHANGE = 0.6  # how far affect moves in a second of speech, standard deviation
UNKNOWN = 0.5  # spread of not knowing: about that of the named emotions
REST_TIME = 4.0  # seconds after which silence has taken 63 % of the way to rest
KNOWN_FROM = 2.0  # seconds of voice from which a speaker is known


class LiveVoiceAffect:
    """The affect in a voice as its sound comes in.

    affect: the newest estimate; at first `rest`, which is also where silence leads. spread: standard
    deviations (valence, arousal). speaking: whether there is a voice now.

    Level is no cue to the judge, so that neither the gain of a microphone nor the distance to it counts. It
    learned from synthesised voices: a stranger's may sound sad or tense to it by nature, and `know_speaker`
    takes that off.
    """

    def __init__(self, judge: SpeechJudge, sample_rate: int = RATE, rest: Affect | str = "0,0"):
        """`sample_rate` is that of the sound to come, a whole number in 8000..192000; else InputError."""
        if not isinstance(sample_rate, int | np.integer) or isinstance(sample_rate, bool):
            raise InputError(f"the sample rate is a whole number of samples/s, not {sample_rate!r:.40}")
        if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
            raise InputError(f"the sample rate lies in {LOWEST_RATE}..{HIGHEST_RATE}, not {sample_rate}")
        self.judge, self.sample_rate = judge, int(sample_rate)
        self.rest = Affect.parse(rest)
        self._plain = judge
        self.reset()

    def reset(self) -> None:
        """Forgets what was heard, but not the speaker."""
        import soxr

        self._to_kept = soxr.ResampleStream(self.sample_rate, RATE, 1, dtype="float32", quality="MQ")
        self._to_listened = soxr.ResampleStream(RATE, LISTENED, 1, dtype="float32", quality="LQ")
        self._gate = VoiceGate()
        self._kept = np.zeros(0, np.float32)  # the last PIECE seconds at RATE
        self._begin = 0  # number of the first sample that is kept
        self._tokens = 0  # that were listened to
        self._voice: list[int] = []  # the tokens with voice among those that are kept
        self._onset = 0  # first token of this utterance
        self._mean = self._resting()
        self._variance = np.full(2, UNKNOWN**2)
        self.speaking = False

    @property
    def affect(self) -> Affect:
        """The newest estimate."""
        valence, arousal = self._mean.clip(-1, 1)
        return Affect(round(float(valence), 6), round(float(arousal), 6))

    @property
    def level(self) -> float:
        """dB re full scale of the last 33 ms."""
        return self._gate.level

    @property
    def spread(self) -> tuple[float, float]:
        """Standard deviations of valence and arousal, as the filter has them."""
        valence, arousal = np.sqrt(self._variance)
        return float(valence), float(arousal)

    def push(self, samples: Any) -> Affect | None:
        """Hears more: float samples (N,) in [-1, 1] or int16, of any length. Returns the estimate if these
        samples completed a step of 0.2 s, else None.

        Raises InputError for other shapes and types, NaN, and samples beyond 1; nothing is heard of them.
        """
        sound = _checked(samples)
        found = None
        for i in range(0, len(sound), self.sample_rate):  # a second at once, so that little is held
            kept = self._to_kept.resample_chunk(sound[i : i + self.sample_rate])
            self._kept = np.concatenate([self._kept, kept])
            for voiced in self._gate.push(self._to_listened.resample_chunk(kept)):
                self._hear(voiced)
                if self._tokens % round(STEP * TOKENS) == 0:
                    self._step()
                    found = self.affect
            self._forget()
        return found

    def know_speaker(self) -> None:
        """Takes what was heard last, up to 8 s, for the speaker's usual voice: that is neutral from now on.

        Raises InputError where there are not two seconds of voice in it.
        """
        seconds = len(self._voice) / TOKENS
        if seconds < KNOWN_FROM:
            raise InputError(
                f"say a sentence or two in your usual voice first: {KNOWN_FROM:.0f} s of voice are needed, "
                f"{seconds:.1f} s were heard"
            )
        before = np.array(self.judge.neutral)
        end = min(self._voice[-1] + round(LEAD * TOKENS), self._tokens)
        self.judge = self._plain.knowing([(self._between(self._voice[0], end), RATE)])
        self._mean = (self._mean + before - np.array(self.judge.neutral)).clip(-1, 1)

    def forget_speaker(self) -> None:
        """Takes the judge's answers as they are again."""
        self._mean = (self._mean + np.array(self.judge.neutral) - np.array(self._plain.neutral)).clip(-1, 1)
        self.judge = self._plain

    def _hear(self, voiced: bool) -> None:
        """The next token."""
        now = self._tokens
        self._tokens += 1
        if voiced:
            if not self._voice or now - self._voice[-1] > HANG * TOKENS:
                self._onset = now
            self._voice.append(now)
        self.speaking = bool(self._voice) and now - self._voice[-1] <= HANG * TOKENS

    def _step(self) -> None:
        """One step of the filter: a reading while there is voice, else on the way to rest."""
        if not self.speaking:
            part = math.exp(-STEP / REST_TIME)
            self._mean = self._resting() + part * (self._mean - self._resting())
            self._variance = part**2 * self._variance + (1 - part**2) * UNKNOWN**2
            return
        self._variance = np.minimum(self._variance + CHANGE**2 * STEP, UNKNOWN**2)
        # Silence before an utterance is no slowness of it.
        first = max(self._tokens - round(WINDOW * TOKENS), self._onset - round(LEAD * TOKENS), 0)
        voiced = sum(token >= first for token in self._voice) / (self._tokens - first)
        sound = self._between(first, self._tokens)
        if len(sound) < SHORTEST * RATE or voiced < SPOKEN:
            return
        valence, arousal, *spreads = (float(x[0]) for x in self.judge.estimate([(sound, RATE)]))
        # Windows overlap: each brings a tenth of its sound anew, and so a tenth of what it tells. A shorter
        # one tells less.
        told = STEP / WINDOW * min(1.0, len(sound) / (WINDOW * RATE))
        gain = self._variance / (self._variance + np.square(spreads) / told)
        self._mean = self._mean + gain * (np.array([valence, arousal]) - self._mean)
        self._variance = (1 - gain) * self._variance

    def _resting(self) -> np.ndarray:
        return np.array([self.rest.valence, self.rest.arousal])

    def _between(self, first: int, end: int) -> np.ndarray:
        """The sound of tokens `first` to `end`."""
        a, b = (max(0, round(token * RATE / TOKENS) - self._begin) for token in (first, end))
        return self._kept[a:b]

    def _forget(self) -> None:
        """Keeps PIECE seconds, and a little that the gate has yet to hear."""
        extra = max(0, len(self._kept) - round((PIECE + STEP) * RATE))
        self._kept, self._begin = self._kept[extra:], self._begin + extra
        oldest = -(-self._begin * TOKENS // RATE)
        self._voice = [token for token in self._voice if token >= oldest]


def _checked(samples: Any) -> np.ndarray:
    sound = np.asarray(samples)
    if sound.ndim != 1 or (sound.dtype.kind != "f" and sound.dtype != np.int16):
        raise InputError(
            f"a chunk of the voice is float or int16 samples (N,), not {sound.dtype} {sound.shape}"
        )
    if sound.dtype == np.int16:
        return sound.astype(np.float32) / np.float32(32768)
    if not np.all(np.abs(sound) <= 1):  # false for NaN, too
        raise InputError("a chunk of the voice has samples that are not finite, or beyond [-1, 1]")
    return sound.astype(np.float32)
