"""A simulated person, who knows a direction and slips now and then, is understood."""

import numpy as np
import pytest

from emotive.compass.asking import information, next_tray, random_tray
from emotive.compass.session import Compass
from emotive.compass.sorter import alike, infer, joined, piles, ranking

D = 10  # axes of our picture model


def planted(seed: int) -> np.ndarray:
    direction = np.random.default_rng(1000 + seed).standard_normal(D)
    return direction / np.linalg.norm(direction)


def order(utility: np.ndarray) -> list[int]:
    """Indices from most to least."""
    return np.argsort(-utility).tolist()


def sorted_by(
    true: np.ndarray, compass: Compass, judgements: int, wrong: float = 0.0, seed: int = 0
) -> float:
    """Answers trays by `true`; every picture, or every choice between two, goes to the wrong side with
    probability `wrong`. The cosine between what is found and `true`."""
    random = np.random.default_rng(seed)
    for _ in range(judgements):
        utility = compass.tray.z @ true
        if compass.pictures == 2:
            first, second = order(-utility if random.random() < wrong else utility)
            compass.answer(f"{first + 1} > {second + 1}")
        else:
            more = (utility > np.median(utility)) ^ (random.random(len(utility)) < wrong)
            if more.all() or not more.any():
                compass.answer("-")
            else:
                sides = (" ".join(str(i + 1) for i in np.flatnonzero(side)) for side in (more, ~more))
                compass.answer(" | ".join(sides))
    return float(compass.posterior.direction @ true)


def test_twenty_choices_between_two_find_the_direction():
    found = [sorted_by(planted(s), Compass(D, ("",), 2, seed=100 * s), 20, seed=s) for s in range(5)]
    assert np.median(found) >= 0.85, found


def test_ten_trays_find_it_though_one_picture_in_seven_is_put_on_the_wrong_pile():
    found = [sorted_by(planted(s), Compass(D, ("",), 6, seed=100 * s), 10, 0.15, seed=s) for s in range(5)]
    assert np.median(found) >= 0.85, found


def test_the_confidence_grows_and_does_not_promise_too_much():
    first, last, cosine = [], [], []
    for s in range(5):
        compass = Compass(D, ("",), 6, seed=100 * s)
        sorted_by(planted(s), compass, 1, seed=s)
        first.append(compass.posterior.confidence)
        cosine.append(sorted_by(planted(s), compass, 6, seed=s))
        last.append(compass.posterior.confidence)
    assert np.mean(last) > np.mean(first) + 0.3
    assert np.mean(cosine) >= np.mean(last) - 0.02, "the expected cosine is not above the true one"
    assert all(low <= c for c, low in zip(cosine, np.array(last) - 0.2, strict=True))


def test_chosen_pairs_tell_more_than_random_ones():
    chosen, drawn = [], []
    for s in range(5):
        parts: dict[bool, list] = {True: [], False: []}
        for n in range(12):
            for choose, asked in parts.items():
                known = infer(joined(asked, D), s)
                z = next_tray(known, 2, 100 * s + n) if choose else random_tray(D, 2, 100 * s + n)
                asked.append(ranking(z, order(z @ planted(s))))
        chosen.append(infer(joined(parts[True], D), s).direction @ planted(s))
        drawn.append(infer(joined(parts[False], D), s).direction @ planted(s))
    assert np.mean(chosen) > np.mean(drawn) + 0.05


def test_somebody_who_guesses_gains_little_confidence_and_is_not_foreseen():
    assert infer(joined([], D), 0).confidence < 0.1
    meant, guessed = Compass(D, ("",), 6, seed=1), Compass(D, ("",), 6, seed=1)
    assert np.isnan(meant.agreement()), "there is no tray to check yet"
    sorted_by(planted(1), meant, 8)
    random = np.random.default_rng(1)
    for _ in range(8):
        guessed.answer(" > ".join(map(str, random.permutation(6) + 1)))
    assert meant.posterior.confidence > guessed.posterior.confidence + 0.2
    assert meant.agreement() > 0.75 and guessed.agreement() < 0.7


def test_what_judgements_weigh():
    z = np.random.default_rng(0).standard_normal((6, D))
    assert piles(z, [0, 1, 2], [3, 4, 5]).weights.sum() == pytest.approx(5)
    assert ranking(z, [3, 1, 2]).weights.sum() == pytest.approx(2)
    same = alike(z, 0, 1)
    assert (same.differences.sum(0) == 0).all() and same.weights.sum() == 1
    assert (ranking(z, [3, 1]).differences == z[3] - z[1]).all()


def test_information_is_in_what_is_unknown():
    known = infer(joined([], D), 0)
    z = np.random.default_rng(0).standard_normal((5, D))
    told = information(known.samples, np.concatenate([z, z[:1]]))
    assert (told >= -1e-9).all() and (told == told.T).all()
    assert told[0, 5] == pytest.approx(0, abs=1e-9), "a picture tells nothing of itself"
    sure = np.tile(planted(0), (len(known.samples), 1))
    assert np.abs(information(sure, z)).max() < 1e-9, "where nothing is unknown, nothing is learned"


def test_a_tray_is_varied_and_stays_in_range():
    tray = next_tray(infer(joined([], D), 0), 6, seed=0)
    lengths = np.linalg.norm(tray, axis=1)
    assert tray.shape == (6, D) and (lengths <= np.sqrt(D) + 1e-9).all() and (lengths > 1).all()
    apart = np.linalg.norm(tray[:, None] - tray[None], axis=2)[np.triu_indices(6, 1)]
    assert apart.min() > 1.5


def test_the_same_answers_give_the_same_direction():
    found = []
    for _ in range(2):
        compass = Compass(D, ("",), 6, seed=5)
        sorted_by(planted(5), compass, 3, seed=5)
        found.append(compass.posterior.direction)
    assert (found[0] == found[1]).all()
