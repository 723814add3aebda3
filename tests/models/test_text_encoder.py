"""Prompts are read as one word per kind; what cannot be read is said, never guessed."""

import json
import warnings

import pytest
import torch

from emotive.data.scenes import FUNCTION_WORDS, LEXICON
from emotive.errors import InputError
from emotive.models.text_encoder import LONGEST_PROMPT, SceneTextEncoder


def encoder_of(vocabulary: dict[str, dict[str, list[str]]], seed: int = 0) -> SceneTextEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SceneTextEncoder(vocabulary, list(FUNCTION_WORDS), dim=16).eval()


@pytest.fixture(scope="module")
def encoder() -> SceneTextEncoder:
    return encoder_of(
        {kind: {n: list(words) for n, words in names.items()} for kind, names in LEXICON.items()}
    )


def read(encoder: SceneTextEncoder, prompt: str) -> dict[str, str]:
    """The words that a prompt was read as, by kind; anything it warns of is an error here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = encoder.tokenize([prompt]).tolist()
    words = {i: (encoder.kinds[k], word) for word, (k, i) in encoder.ids.items()}
    assert all(i == k or words[i][0] == encoder.kinds[k] for k, i in enumerate(row))
    return {words[i][0]: words[i][1] for i in row if i in words}


def test_every_word_has_an_id_of_its_own(encoder):
    count = sum(len(words) for names in LEXICON.values() for words in names.values())
    ids = [i for _, i in encoder.ids.values()]
    assert sorted(ids) == list(range(len(LEXICON), len(LEXICON) + count))
    assert encoder.embedding.num_embeddings == len(LEXICON) + count


@pytest.mark.parametrize("kind", ["subject", "setting"])
def test_every_synonym_is_known_by_itself(encoder, kind):
    for words in LEXICON[kind].values():
        for word in words:
            assert read(encoder, f"the {word}") == {kind: word}


@pytest.mark.parametrize("kind", ["time", "weather"])
def test_every_word_of_light_is_known_beside_a_subject(encoder, kind):
    for words in LEXICON[kind].values():
        for word in words:
            assert read(encoder, f"a cat, {word}") == {"subject": "cat", kind: word}


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("houses", {"subject": "house"}),
        ("a flower", {"subject": "flowers"}),
        ("a mountain", {"setting": "mountains"}),
        ("the wood", {"setting": "woods"}),
        ("three-masted ships", None),  # "three" and "masted" are unknown
        ("boats by the seas", {"subject": "boat", "setting": "sea"}),
        ("a house under a cloud", {"subject": "house", "weather": "clouds"}),
    ],
)
def test_plurals_and_singulars(encoder, prompt, words):
    if words is None:
        with pytest.warns(UserWarning, match="three, masted"):
            encoder.tokenize([prompt])
    else:
        assert read(encoder, prompt) == words


def test_the_four_kinds_are_read_together(encoder):
    expected = {"subject": "boat", "setting": "ocean", "time": "dusk", "weather": "mist"}
    assert read(encoder, "a boat on the ocean at dusk in mist") == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "in rain, at night, by the sea: a boat",
        "rain night sea boat",
        "A BOAT AT SEA. NIGHT, RAIN!",
        "  a\tboat\n(sea)   «night» — rain…  ",
        "boat_sea_night_rain",
        "a boat; a boat; the boat at sea, sea, at night, night in rain",
    ],
)
def test_order_case_punctuation_and_repetition_do_not_matter(encoder, prompt):
    expected = encoder.tokenize(["a boat at sea at night in rain"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(encoder.tokenize([prompt]), expected)


def test_function_words_are_read_over_in_silence(encoder):
    sentence = " ".join(FUNCTION_WORDS)
    assert read(encoder, f"{sentence} balloon {sentence}") == {"subject": "balloon"}


@pytest.mark.parametrize("prompt", ["", "   \n", "...", ",;:!?", *FUNCTION_WORDS, "a picture of the sky"])
def test_a_prompt_that_says_nothing_is_the_null_prompt(encoder, prompt):
    assert read(encoder, prompt) == {}
    assert torch.equal(encoder.tokenize([prompt]), encoder.null(1))


def test_unknown_words_are_named_once_each_in_order(encoder):
    with pytest.warns(UserWarning) as caught:
        got = encoder.tokenize(["a Zeppelin over a house, unicorn, zeppelin"])
    assert len(caught) == 1
    assert str(caught[0].message).endswith("left out: zeppelin, unicorn")
    assert torch.equal(got, encoder.tokenize(["a house"]))


@pytest.mark.parametrize(("prompt", "named"), [("ein schönes house", "ein, schönes"), ("house 家", "家")])
def test_unknown_words_of_any_script_are_named(encoder, prompt, named):
    with pytest.warns(UserWarning, match=f"left out: {named}$"):
        assert torch.equal(encoder.tokenize([prompt]), encoder.tokenize(["house"]))


def test_an_emoji_is_named_too(encoder):
    with pytest.warns(UserWarning, match="left out: 🏠, ✨$"):
        assert torch.equal(encoder.tokenize(["🏠 a cat ✨"]), encoder.tokenize(["cat"]))


@pytest.mark.parametrize(
    "prompt", ["🏠", "a dragon", "at night", "snow", "xyzzy in the rain", "домик", "1234"]
)
def test_a_prompt_with_nothing_to_draw_says_what_is_known(encoder, prompt):
    with pytest.raises(InputError) as error:
        encoder.tokenize(["a house", prompt])
    message = str(error.value)
    assert repr(prompt) in message and "\n" not in message
    assert all(name in message for name in LEXICON["subject"])


def test_a_second_word_of_a_kind_is_left_out_with_a_warning(encoder):
    with pytest.warns(UserWarning) as caught:
        got = encoder.tokenize(["a cat and a house by a tree in a forest"])
    assert [str(w.message) for w in caught] == ["one word of a kind is drawn; left out: house, tree"]
    assert torch.equal(got, encoder.tokenize(["a cat in a forest"]))


def test_a_synonym_beside_its_name_is_a_second_word(encoder):
    with pytest.warns(UserWarning, match="left out: cottage$"):
        assert torch.equal(encoder.tokenize(["house, cottage"]), encoder.tokenize(["house"]))


def test_a_prompt_can_be_as_long_as_it_says(encoder):
    prompt = "a house" + " " * (LONGEST_PROMPT - 7)
    assert read(encoder, prompt) == {"subject": "house"}
    with pytest.raises(InputError, match=f"{LONGEST_PROMPT + 1} characters"):
        encoder.tokenize([prompt + " "])


def test_a_prompt_of_a_hundred_thousand_characters_is_one_short_line(encoder):
    with pytest.raises(InputError) as error:
        encoder.tokenize(["house " * 16_667])
    assert len(str(error.value)) < 200 and "\n" not in str(error.value)


@pytest.mark.parametrize("prompt", [None, 3, b"a house", ["a house"], 1.5])
def test_a_prompt_that_is_not_text_is_refused(encoder, prompt):
    with pytest.raises(InputError, match=f"not {type(prompt).__name__}"):
        encoder.tokenize([prompt])


def test_features_depend_on_the_words_alone(encoder):
    ids = encoder.tokenize(["a boat at sea", "cottage", "", "a boat at sea"])
    tokens, pooled = encoder(ids)
    assert tokens.shape == (4, 4, 16) and pooled.shape == (4, 16)
    assert torch.equal(tokens[0], tokens[3]) and torch.equal(pooled[0], pooled[3])
    torch.testing.assert_close(encoder(ids[1:2]).pooled, pooled[1:2])
    assert min((pooled[i] - pooled[j]).norm() for i, j in ((0, 1), (0, 2), (1, 2))) > 0.1


def test_unsaid_kinds_have_tokens_of_their_own(encoder):
    tokens, _ = encoder(torch.cat([encoder.null(1), encoder.tokenize(["a boat in the desert"])]))
    same = [torch.equal(tokens[0, k], tokens[1, k]) for k in range(4)]
    assert same == [kind in ("time", "weather") for kind in encoder.kinds]
    assert min((tokens[0, i] - tokens[0, j]).norm() for i in range(4) for j in range(i)) > 0.1


def test_save_and_load_keep_every_id(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    loaded = SceneTextEncoder.from_pretrained(tmp_path).eval()
    assert loaded.ids == encoder.ids and loaded.kinds == encoder.kinds
    prompts = ["a boat at sea at night in rain", "toadstool", ""]
    ids = loaded.tokenize(prompts)
    assert torch.equal(ids, encoder.tokenize(prompts))
    assert torch.equal(loaded(ids).pooled, encoder(ids).pooled)


def test_ids_do_not_hang_on_the_order_of_the_vocabulary(encoder, tmp_path):
    # JSON objects have no order: any tool may write config.json back in another one.
    encoder.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vocabulary"] = {
        kind: {name: names[name] for name in reversed(names)}
        for kind, names in reversed(config["vocabulary"].items())
    }
    (tmp_path / "config.json").write_text(json.dumps(dict(reversed(config.items()))))
    assert list(config["vocabulary"]) != sorted(config["vocabulary"])
    assert SceneTextEncoder.from_pretrained(tmp_path).ids == encoder.ids
