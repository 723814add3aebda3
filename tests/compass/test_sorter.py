"""A simulated person, who knows a direction and slips now and then, is understood."""

import numpy as np
import pytest

from emotive.compass.asking import information, next_tray
from emotive.compass.session import Compass
from emotive.compass.sorter import alike, infer, joined, piles, ranking

D = 10  # axes of our picture model


def planted(seed: int) -> np.ndarray:
    direction = np.random.default_rng(1000 + seed).standard_normal(D)
    return direction / np.linalg.norm(direction)


def sorted_by(
    true: np.ndarray, compass: Compass, judgements: int, wrong: float = 0.0, seed: int = 0
) -> float:
    """Answers trays by `true`; every picture, or every choice between two, goes to the wrong side with
    probability `wrong`. The cosine between what is found and `true`."""
    random = np.random.default_rng(seed)
    for _ in range(judgements):
        utility = compass.tray.z @ true
        if compass.pictures == 2:
            order = np.argsort(-utility)
            first, second = order[::-1] if random.random() < wrong else order
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
    found = [sorted_by(planted(s), Compass(D, ("",), 2, seed=100 * s), 20, seed=s) for s in range(9)]
    assert np.median(found) >= 0.85, found


def test_ten_trays_find_it_though_one_picture_in_seven_is_put_on_the_wrong_pile():
    found = [sorted_by(planted(s), Compass(D, ("",), 6, seed=100 * s), 10, 0.15, seed=s) for s in range(7)]
    assert np.median(found) >= 0.8, found


def test_the_confidence_grows_and_does_not_promise_too_much():
    first, last, cosine = [], [], []
    for s in range(6):
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
    for s in range(9):
        true, random = planted(s), np.random.default_rng(s)
        chosen.append(sorted_by(true, Compass(D, ("",), 2, seed=100 * s), 14, seed=s))
        parts = []
        for _ in range(14):
            z = random.standard_normal((2, D))
            parts.append(ranking(z, np.argsort(-(z @ true))))
        drawn.append(infer(joined(parts, D), s).direction @ true)
    assert np.mean(chosen) > np.mean(drawn)


def test_nothing_known_is_no_confidence_and_somebody_who_guesses_gains_none():
    assert infer(joined([], D), 0).confidence < 0.1
    random, parts = np.random.default_rng(0), []
    for _ in range(10):
        z = random.standard_normal((6, D))
        order = random.permutation(6)
        parts.append(piles(z, order[:3], order[3:]))
    compass = Compass(D, ("",), 6, seed=3)
    sure = sorted_by(planted(3), compass, 10)
    assert infer(joined(parts, D), 0).confidence < compass.posterior.confidence - 0.15 and sure > 0.9


def test_held_out_answers_agree_for_a_person_and_not_for_a_coin():
    compass = Compass(D, ("",), 6, seed=1)
    sorted_by(planted(1), compass, 6)
    assert compass.agreement() > 0.75
    tossed, random = Compass(D, ("",), 6, seed=1), np.random.default_rng(2)
    for _ in range(6):
        order = random.permutation(6) + 1
        tossed.answer(" > ".join(map(str, order)))
    assert tossed.agreement() < 0.65
    assert np.isnan(Compass(D, ("",), 6).agreement())


def test_what_judgements_weigh():
    z = np.random.default_rng(0).standard_normal((6, D))
    assert piles(z, [0, 1, 2], [3, 4, 5]).weights.sum() == pytest.approx(5)
    assert ranking(z, [3, 1, 2]).weights.sum() == pytest.approx(2)
    same = alike(z, 0, 1)
    assert (same.differences.sum(0) == 0).all() and same.weights.sum() == 1
    order = ranking(z, [3, 1])
    assert (order.differences == z[3] - z[1]).all()


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
