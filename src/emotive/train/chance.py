"""What chance adds to clips in training: curves of affect that nobody spoke with, rooms and microphones."""

from __future__ import annotations

import numpy as np

from emotive.voice.listening import FEATURES, FRAMES, MELS


def random_curve(tokens: int, rng: np.random.Generator) -> np.ndarray:
    """Affect (N, 3) for a face or a body: constant, gliding or turning; some on the rim, some neutral;
    dominance is unset in half of them."""

    def point() -> np.ndarray:
        p = rng.uniform(-1, 1, 3)
        if rng.random() < 0.3:
            p[rng.integers(2)] = rng.choice([-1.0, 1.0])
        if rng.random() < 0.12:
            p[:2] = 0
        return p

    knots = [point() for _ in range(1 if rng.random() < 0.5 else int(rng.integers(2, 4)))]
    if len(knots) == 1:
        curve = np.repeat(knots[0][None], tokens, 0)
    else:
        at = np.sort(rng.uniform(0, tokens, len(knots)))
        curve = np.stack([np.interp(np.arange(tokens), at, [k[i] for k in knots]) for i in range(3)], 1)
        if rng.random() < 0.3:  # turns within a frame
            curve = np.array(knots)[np.abs(np.arange(tokens)[:, None] - at).argmin(1)]
    if rng.random() < 0.5:
        curve[:, 2] = np.nan
    return curve.astype(np.float32)


def spoil(heard: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Features (N, 172) as of a longer or shorter tract, at another level, by another microphone, in a room
    with noise."""
    frames = heard.astype(np.float32).reshape(-1, FEATURES)
    mels = frames[:, : MELS + 1] * 20  # dB, the level with them
    place = (np.arange(MELS) + 0.5) / MELS
    mels[:, :MELS] = _warped(mels[:, :MELS], rng.normal(0, 1.5))
    gain = rng.normal(0, 3.0)
    colour = sum(rng.normal(0, 5.0 / k**0.5) * np.cos(np.pi * k * place) for k in range(1, 7))
    mels[:, :MELS] += gain + rng.uniform(0, 1) * colour
    mels[:, MELS] += gain
    if rng.random() < 0.25:  # telephones, and MP3 at low rates
        mels[:, int(MELS * rng.uniform(0.6, 1.0)) : MELS] -= 60
    if rng.random() < 0.4:  # a band that is not heard at all (Park et al. 2019, "SpecAugment")
        low, width = int(rng.integers(MELS - 6)), int(rng.integers(1, 7))
        mels[:, low : low + width] = mels[:, low : low + width].mean()
    if rng.random() < 0.3:  # a room: power decays by 60 dB within 0.2 to 0.7 s
        keep = 10 ** (-6 / (120 * rng.uniform(0.2, 0.7)))
        power = 10 ** (mels / 10)
        tail, wet = np.zeros(MELS + 1), rng.uniform(0.01, 0.06)
        for now in power:
            tail = keep * tail + wet * now
            now += tail
        mels = 10 * np.log10(power)
    if rng.random() < 0.6:
        floor = 10 - rng.uniform(10, 60) - rng.uniform(0, 25) * place
        noise = np.append(floor, 10 * np.log10(np.mean(10 ** (floor / 10))) - 10)
        mels = 10 * np.log10(10 ** (mels / 10) + 10 ** ((noise + rng.normal(0, 1.5, mels.shape)) / 10))
    frames[:, : MELS + 1] = (mels / 20).clip(-3, 3)
    return frames.reshape(len(heard), FRAMES * FEATURES)


def _warped(mels: np.ndarray, shift: float) -> np.ndarray:
    """Log-mels (T, MELS) moved up by `shift` bands in the middle, less at the ends."""
    bands = np.arange(MELS)
    at = (bands - shift * np.sin(np.pi * (bands + 0.5) / MELS)).clip(0, MELS - 1)
    low = np.floor(at).astype(int).clip(0, MELS - 2)
    share = at - low
    return mels[:, low] * (1 - share) + mels[:, low + 1] * share
