"""What a run of the command line left behind, and what every refusal looks like."""

from typing import NamedTuple


class Run(NamedTuple):
    code: int
    out: list[str]
    err: list[str]


def refused(done: Run) -> str:
    """Exit 2, nothing on stdout, one line of error on stderr, which is returned."""
    assert done.code == 2, done
    assert done.out == []
    (line,) = done.err
    assert line.startswith("emotive: error: ") and "Traceback" not in line and len(line) < 600
    return line
