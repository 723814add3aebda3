"""The letter-to-sound network: batch equals single, what every answer has, saved and loaded."""

from pathlib import Path

import pytest
import torch

from emotive.errors import InputError
from emotive.models.letter_to_sound import FRAMES, LetterToSound, encode, pad

SYMBOLS = ("AA0", "AA1", "AA2", "IY0", "IY1", "IY2", "K", "S", "T")


@pytest.fixture(scope="module")
def network() -> LetterToSound:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LetterToSound(SYMBOLS, dim=16, heads=2, layers=2).eval()


def test_log_probabilities_of_two_frames_a_letter(network):
    out = network(pad([encode("cat"), encode("scatters")]))
    assert out.shape == (2, FRAMES * 8, 1 + len(SYMBOLS)) and out.dtype == torch.float32
    torch.testing.assert_close(out.exp().sum(-1), torch.ones(2, FRAMES * 8))


def test_a_batch_says_what_each_word_alone_says(network):
    words = ["a", "cat", "antidisestablishmentarianism", "xyz", "Kit's"]
    with torch.no_grad():
        together = network(pad([encode(w) for w in words]))
        for row, word in zip(together, words, strict=True):
            alone = network(pad([encode(word)]))[0]
            torch.testing.assert_close(row[: len(alone)], alone, atol=1e-4, rtol=1e-4)
    assert network.phones(words) == [network.phones([w])[0] for w in words]
    assert network.phones(words * 100) == network.phones(words) * 100
    assert network.phones([]) == []


def test_every_word_has_a_vowel_and_one_primary_stress(network):
    generator = torch.Generator().manual_seed(0)
    for bias in (-6.0, 0.0, 6.0):  # nothing but consonants, anything, nothing at all
        for _ in range(30):
            logits = 3 * torch.randn(8, 1 + len(SYMBOLS), generator=generator)
            logits[:, 0] += bias
            logits[:, 1:7] += min(0.0, bias)
            said = network.decode(logits.log_softmax(-1))
            assert set(said) <= set(SYMBOLS)
            assert sum(phone.endswith("1") for phone in said) == 1


def test_decoding_merges_what_goes_on_and_weighs_stress():
    network = LetterToSound(SYMBOLS, dim=16, heads=2, layers=1)
    rows = torch.full((7, 1 + len(SYMBOLS)), 1e-4)
    for frame, symbol in enumerate(["K", "K", "AA2", "", "AA1", "T", "T"]):
        rows[frame, 1 + SYMBOLS.index(symbol) if symbol else 0] = 1
    rows[2, 1 + SYMBOLS.index("AA1")] = 0.5
    rows[4, 1 + SYMBOLS.index("AA0")] = 0.4
    log_probs = (rows / rows.sum(-1, keepdim=True)).log()
    assert network.decode(log_probs) == ("K", "AA2", "AA1", "T")


def test_without_letters_there_is_nothing_to_read(network):
    for word in ("", "5", "'"):
        with pytest.raises(InputError, match="no letter a-z"):
            network.phones(["cat", word])


def test_saved_and_loaded_it_says_the_same(network, tmp_path: Path):
    network.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    again = LetterToSound.from_pretrained(tmp_path).eval()
    letters = pad([encode("tickets")])
    with torch.no_grad():
        assert torch.equal(network(letters), again(letters))
    assert again.symbols == SYMBOLS and again.phones(["tickets"]) == network.phones(["tickets"])


def test_the_standard_network_is_small():
    from emotive.voice.phones import SYMBOLS as ALL

    assert sum(p.numel() for p in LetterToSound(ALL[2:]).parameters()) < 500_000
