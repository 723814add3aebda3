"""What to show next: the tray whose answer would tell most.

The information in an answer about w is how unsure the answer is less how unsure it would be if w were known
(BALD: Houlsby, Huszar, Ghahramani & Lengyel 2011), both over samples of the posterior:

    I = H( E p ) - E H( p ),   H(p) = -p log2 p - (1 - p) log2 (1 - p)

A tray is chosen greedily: the pair that tells most, then, one by one, the picture whose comparisons with
those chosen tell most together. Pictures that look alike tell nothing of each other, so a tray is diverse.
"""

from __future__ import annotations

import numpy as np

from .sorter import Floats, Posterior, chances

CANDIDATES = 96
SAMPLES = 128  # of the posterior: enough to rank candidates
NEAR, FAR = 0.55, 1.0  # candidates' distance from the prompt as it is, over that of a typical point, sqrt(d)


def next_tray(posterior: Posterior, pictures: int, seed: int) -> Floats:
    """Where the pictures of the next tray lie, (pictures, d), in units of the basis."""
    random = np.random.default_rng(seed)
    d = posterior.samples.shape[1]
    z = random.standard_normal((CANDIDATES, d))
    z *= np.sqrt(d) * random.uniform(NEAR, FAR, (CANDIDATES, 1)) / np.linalg.norm(z, axis=1, keepdims=True)
    samples = posterior.samples[random.choice(len(posterior.samples), SAMPLES, replace=False)]
    told = information(samples, z)
    chosen = [int(i) for i in np.unravel_index(told.argmax(), told.shape)]
    while len(chosen) < pictures:
        gain = told[chosen].sum(0)
        gain[chosen] = -1.0
        chosen.append(int(gain.argmax()))
    return z[random.permutation(chosen)]


def random_tray(d: int, pictures: int, seed: int) -> Floats:
    """A tray that was not chosen to tell anything, (pictures, d): it shows whether answers are foreseen."""
    z = np.random.default_rng(seed).standard_normal((pictures, d))
    return z * np.sqrt(d) * (NEAR + FAR) / 2 / np.linalg.norm(z, axis=1, keepdims=True)


def information(samples: Floats, z: Floats) -> Floats:
    """Bits that comparing each two of z (n, d) would tell of w, of which there are samples (S, d): (n, n)."""
    first, second = np.triu_indices(len(z), 1)
    utilities = samples @ z.T
    told = np.zeros((len(z), len(z)))
    # In blocks: all pairs of all samples at once would be hundreds of megabytes.
    for block in np.array_split(np.arange(len(first)), max(1, len(first) // 4000)):
        a, b = first[block], second[block]
        p = chances((utilities[:, a] - utilities[:, b]).reshape(-1, 1), np.ones((1, 1))).reshape(
            -1, len(block)
        )
        told[a, b] = told[b, a] = _entropy(p.mean(0)) - _entropy(p).mean(0)
    return told


def _entropy(p: Floats) -> Floats:
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
