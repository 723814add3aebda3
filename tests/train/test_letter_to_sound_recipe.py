"""The recipe of letter-to-sound: what is held out, what is measured, that it learns, that it goes on."""

from pathlib import Path

import pytest
import torch

from emotive.models.letter_to_sound import FRAMES, LetterToSound
from emotive.train.letter_to_sound import (
    batches,
    edit_distance,
    entries,
    is_held_out,
    measure,
    new_letter_to_sound,
    read_metrics,
    spelling_loss,
    split,
    train_letter_to_sound,
)
from emotive.weights import verify


def tiny() -> LetterToSound:
    return new_letter_to_sound(dim=32, heads=2, layers=1, dropout=0.0)


def test_a_tenth_is_held_out_with_all_that_begins_alike():
    words = entries()
    learn, held_out = split(words)
    assert len(words) > 100_000 and len(learn) + len(held_out) == len(words)
    assert 0.08 < len(held_out) / len(words) < 0.13
    assert not {w[:4] for w, _ in learn} & {w[:4] for w, _ in held_out}
    assert is_held_out("walk") == is_held_out("walked") == is_held_out("walking")
    found = dict(words)
    assert "bbc" not in found and "hmm" not in found and "nasa" in found
    assert all(len(phones) <= FRAMES * len(word) for word, phones in words)


@pytest.mark.parametrize(
    ("got", "wanted", "edits"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("ab", "ba", 2),
    ],
)
def test_edit_distance(got, wanted, edits):
    assert edit_distance(got, wanted) == edit_distance(wanted, got) == edits


def test_errors_are_shares_of_what_is_wanted():
    words = [("cat", ("K", "AE1", "T")), ("eye", ("AY1",))]
    perfect = measure(lambda asked: [dict(words)[w] for w in asked], words)
    assert perfect == {
        "words": 2, "phone_error": 0, "word_error": 0, "phone_error_without_stress": 0,
        "word_error_without_stress": 0,
    }  # fmt: skip
    wrong = measure(lambda asked: [("K", "AE2", "T"), ("AY1", "Z")], words)
    assert (wrong["phone_error"], wrong["phone_error_without_stress"]) == (0.5, 0.25)
    assert (wrong["word_error"], wrong["word_error_without_stress"]) == (1.0, 0.5)


def test_batches_hold_every_word_once_an_epoch():
    words = entries()[::500]
    feed = batches(words, 16, seed=0)
    seen = 0
    first = next(batches(words, 16, seed=0))
    assert all(torch.equal(a, b) for a, b in zip(first, next(batches(words, 16, seed=0)), strict=True))
    while seen < len(words):
        letters, phones, counts = next(feed)
        seen += len(letters)
        assert len(letters) == len(phones) == len(counts)
        assert torch.equal((phones > 0).sum(1), counts)
    assert seen == len(words)


def test_the_loss_falls_and_a_few_words_are_learned():
    words = [(w, p) for w, p in entries() if w in ("cat", "night", "phone", "extra", "banana", "though")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = tiny()
    feed = batches(words, 6, seed=0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(200):
        loss = spelling_loss(network, *next(feed))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert measure(network.eval().phones, words)["phone_error"] == 0


def test_a_run_leaves_a_network_with_its_numbers_and_goes_on(tmp_path: Path):
    lines: list[str] = []
    for minutes in (0.02, 0.04):
        folder = train_letter_to_sound(
            tmp_path, minutes, 0, lines.append, batch_size=64, test_words=50, network=tiny()
        )
    assert folder == tmp_path / "letter_to_sound" and any("goes on" in line for line in lines)
    verify(folder)
    network = LetterToSound.from_pretrained(folder).float().eval()
    metrics = read_metrics(folder)
    assert metrics["words"] == 50 and metrics["samples"] > 0 and metrics["minutes"] == 0.04
    assert metrics["parameters"] == sum(p.numel() for p in network.parameters())
    assert all(sum(p.endswith("1") for p in said) == 1 for said in network.phones(["walked", "emotive"]))
