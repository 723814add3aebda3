"""The speech pipeline, on a tiny random model: timelines, determinism, streaming, conditions, bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_speech_pipeline

from emotive import weights
from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError, WeightsError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.pipelines.speech import EmotiveSpeechPipeline, chunks
from emotive.signals import Speech
from emotive.voice.text import sentences
from emotive.voice.utterance import Timeline, lay_out

TEXT = "Well, the old train leaves at nine. Will you come?"


@pytest.fixture(scope="module")
def pipe() -> EmotiveSpeechPipeline:
    return tiny_speech_pipeline()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def say(pipe: EmotiveSpeechPipeline, text: str = TEXT, affect: object = None, seed: int = 0, **how) -> Speech:
    return pipe(text, affect, generator=seeded(seed), num_inference_steps=2, **how).speech  # type: ignore[arg-type]


def test_the_timeline_fits_the_waveform(pipe: EmotiveSpeechPipeline):
    speech = say(pipe)
    assert [w.text for w in speech.words] == TEXT.replace(",", "").replace(".", "").replace("?", "").split()
    assert speech.phones[0].start == 0
    assert speech.phones[-1].end == pytest.approx(len(speech.waveform) / speech.sample_rate)
    assert all(
        a.end == pytest.approx(b.start) for a, b in zip(speech.phones, speech.phones[1:], strict=False)
    )
    assert sum(p.end - p.start for p in speech.phones) == pytest.approx(speech.duration)
    spoken = [p for p in speech.phones if p.symbol not in ("pau", "breath")]
    expected = [p for s in sentences(TEXT) for w in s.words for p in w.phones]
    assert [p.symbol for p in spoken] == expected
    vowels = [p for p in spoken if p.symbol[-1].isdigit()]
    assert len(speech.syllables) == len(vowels)
    assert [s.stress for s in speech.syllables] == [int(p.symbol[-1]) for p in vowels]


def test_same_seed_same_speech_and_another_seed_another(pipe: EmotiveSpeechPipeline):
    one, same, other = say(pipe), say(pipe), say(pipe, seed=1)
    assert np.array_equal(one.waveform, same.waveform) and one.phones == same.phones
    assert one.phones == other.phones and not np.array_equal(one.waveform, other.waveform)


def test_streaming_equals_the_whole(pipe: EmotiveSpeechPipeline):
    parts = list(pipe.stream(TEXT, "joy", generator=seeded(), num_inference_steps=2))
    whole = say(pipe, affect="joy")
    assert len(parts) >= 2
    assert np.array_equal(np.concatenate([p.waveform for p in parts]), whole.waveform)
    joined = Speech.concatenate(parts)
    assert joined.phones == whole.phones and joined.words == whole.words and joined.text == whole.text
    starts = np.cumsum([0.0] + [p.duration for p in parts[:-1]])
    assert np.allclose([p.start for p in parts], starts)


def test_text_may_come_in_pieces_and_without_end(pipe: EmotiveSpeechPipeline):
    def forever():
        while True:
            yield "The bell rings. "

    stream = pipe.stream(forever(), generator=seeded(), num_inference_steps=1)
    first, second = next(stream), next(stream)
    assert second.start == pytest.approx(first.duration)
    assert say(pipe, "The bell ri").text == "The bell ri"
    assert np.array_equal(
        pipe(["The bell ri", "ngs."], generator=seeded(), num_inference_steps=2).speech.waveform,  # type: ignore
        say(pipe, "The bell rings.").waveform,
    )


def test_affect_voice_strength_and_steps_matter(pipe: EmotiveSpeechPipeline):
    base = say(pipe, affect="0.5,0.5")
    for changed in (
        say(pipe, affect="-0.5,0.5"),
        say(pipe, affect="0.5,0.5", voice="rms"),
        say(pipe, affect="0.5,0.5", affect_strength=0.5),
        say(pipe, affect="0.5,0.5", guidance_scale=2.0),
        say(pipe, affect="0.5,0.5", affect_guidance_scale=2.0),
        pipe(TEXT, "0.5,0.5", generator=seeded(), num_inference_steps=4).speech,  # type: ignore
    ):
        assert not np.array_equal(changed.waveform, base.waveform)


def test_strength_zero_is_neutral_and_scales_what_is_reported(pipe: EmotiveSpeechPipeline):
    # Dominance that is unset stays unset at 1, but at strength 0 everything is neutral, so is it.
    none = say(pipe, affect=Affect(0.9, -0.8), affect_strength=0)
    assert np.array_equal(none.waveform, say(pipe, affect=Affect(0, 0, 0)).waveform)
    assert none.affect.at(0).valence == 0
    assert say(pipe, affect=Affect(0.8, 0.4), affect_strength=0.5).affect.at(0).valence == pytest.approx(0.4)


def test_guidance_of_one_is_no_guidance(pipe: EmotiveSpeechPipeline):
    plain = say(pipe, affect="joy", guidance_scale=1.0, affect_guidance_scale=1.0)
    nearly = say(pipe, affect="joy", guidance_scale=1.0 + 1e-6, affect_guidance_scale=1.0)
    assert np.abs(plain.waveform - nearly.waveform).max() < 1e-2
    assert plain.phones == nearly.phones


def test_a_curve_moves_inside_the_sentence_and_is_reported_as_used(pipe: EmotiveSpeechPipeline):
    curve = AffectCurve([(0, "-0.9,-0.9"), (0.8, "0.9,0.9")])
    speech = say(pipe, "One two three four five six seven.", curve)
    for t in (0.0, 0.4, 0.7):
        assert speech.affect.at(t).valence == pytest.approx(curve.at(t).valence, abs=1e-6)
    steady = say(pipe, "One two three four five six seven.", "-0.9,-0.9")
    assert [p.symbol for p in steady.phones if p.symbol not in ("pau", "breath")] == [
        p.symbol for p in speech.phones if p.symbol not in ("pau", "breath")
    ]


def test_words_can_have_affects_of_their_own(pipe: EmotiveSpeechPipeline):
    text = "I never said that. You did."
    affects = ["0,0", "0,0", "0.9,0.9", "0,0", "sad", "sad"]
    speech = say(pipe, text, affects)
    middle = (speech.words[2].start + speech.words[2].end) / 2
    assert speech.affect.at(middle).valence == pytest.approx(0.9, abs=0.02)
    with pytest.raises(InputError, match="too few"):
        say(pipe, text, affects[:5])
    with pytest.raises(InputError, match="7 affects for 6 words"):
        say(pipe, text, [*affects, "joy"])


def test_breathing_can_be_turned_off(pipe: EmotiveSpeechPipeline):
    long = "When the train had left the station we walked along the river, and nobody said a word until noon."
    assert "breath" in {p.symbol for p in say(pipe, long).phones}
    assert "breath" not in {p.symbol for p in say(pipe, long, breathing=False).phones}


def test_chunks_cover_the_timeline_and_end_after_pauses():
    said = next(iter(sentences(", ".join(["one two three four five six"] * 6) + ".")))
    u = lay_out(said)
    timeline = Timeline(u, 12 * np.arange(len(u) + 1))
    found = list(chunks(timeline))
    assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
    assert found[0][0] == 0 and found[-1][1] == len(u) and len(found) > 2
    assert all(u.symbols[end - 1] == "pau" for _, end in found)
    assert timeline.edges[found[0][1]] < timeline.edges[found[1][1]] - timeline.edges[found[0][1]]


def test_it_saves_and_loads(pipe: EmotiveSpeechPipeline, tmp_path: Path):
    pipe.save_pretrained(tmp_path)
    weights.write_sums(tmp_path)
    again = EmotiveSpeechPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert np.array_equal(say(again).waveform, say(pipe).waveform)
    assert again.voices == ("slt", "rms") and again.fingerprint()


def test_another_affect_embedding_is_refused(pipe: EmotiveSpeechPipeline):
    stranger = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
    with pytest.raises(WeightsError, match="affect embedding"):
        EmotiveSpeechPipeline(**{**pipe.components, "affect_embedding": stranger})


def test_callbacks_see_and_change_the_latents(pipe: EmotiveSpeechPipeline):
    seen = []

    def zero(pipeline, step, timestep, tensors):
        seen.append((step, tensors["latents"].shape[2]))
        return {"latents": torch.zeros_like(tensors["latents"])} if step == 0 else {}

    changed = say(pipe, "Hello.", callback_on_step_end=zero)
    assert seen == [(0, 64), (1, 64)]
    assert not np.array_equal(changed.waveform, say(pipe, "Hello.").waveform)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ""}, "nothing to say"),
        ({"text": "..."}, "nothing to say"),
        ({"text": "Привет"}, "espeak"),
        ({"text": 3}, "string"),
        ({"voice": "nobody"}, "slt, rms"),
        ({"num_inference_steps": 0}, "1..1000"),
        ({"affect_strength": -1}, "0..10"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"affect": "blorp"}, "blorp"),
        ({"affect": []}, "empty"),
        ({"callback_on_step_end_tensor_inputs": ("noise",)}, "latents"),
    ],
)
def test_bad_input_is_one_line(pipe: EmotiveSpeechPipeline, arguments: dict, message: str):
    with pytest.raises(InputError, match=message) as caught:
        pipe(**{"text": "Hello.", **arguments})
    assert "\n" not in str(caught.value)
