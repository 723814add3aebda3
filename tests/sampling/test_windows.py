import torch
from hypothesis import given
from hypothesis import strategies as st

from emotive.sampling.windows import eased, streamed, windows


@given(st.integers(0, 3000), st.integers(30, 300), st.integers(1, 29))
def test_windows_make_every_token_once_and_know_what_came_before(tokens, size, history):
    found = windows(tokens, size, history)
    assert [t for w in found for t in range(w.new.start, w.new.stop)] == list(range(tokens))
    for before, window in zip([None, *found], found, strict=False):
        assert 0 < window.stop - window.start <= size
        assert window.history == (0 if before is None else min(history, before.stop))
        assert window.start + window.history == (0 if before is None else before.stop)
    # No window is a crumb: lengths differ by one at most.
    lengths = {w.stop - w.start for w in found}
    assert not lengths or max(lengths) - min(lengths) <= 1


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(0, 6), st.integers(1, 4))
def test_a_stream_makes_every_token_once_and_never_looks_further_than_it_heard(steps, lookahead, least):
    made, heard, shown = 0, 0, []
    for step in [*steps, None]:
        heard += step or 0
        window = streamed(made, heard, lookahead, 20, least, ended=step is None)
        if window is None:
            assert heard - (lookahead if step is not None else 0) - made < (least if step is not None else 1)
            continue
        assert window.stop == heard and window.history == min(made, 20) and window.new.start == made
        shown += range(window.new.start, window.new.stop)
        made = window.new.stop
        assert step is None or heard - made == lookahead
    assert shown == list(range(heard))


def test_what_is_eased_begins_without_a_step_and_comes_to_its_own_way():
    time = torch.arange(60.0)[:, None]
    way = torch.sin(time / 9) * torch.tensor([[1.0, -2.0]])
    before, new = way[:20], way[20:] + 3  # the same motion, but it jumps by 3
    found = eased(before, new, 12)
    assert torch.diff(torch.cat([before[-2:], found]), n=2, dim=0).abs().max() < 0.25
    assert torch.equal(found[12:], new[12:])
    assert torch.allclose(eased(before, way[20:]), way[20:], atol=0.02)  # without a step nothing changes
