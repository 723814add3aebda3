"""The report as one HTML page: everything inside it, nothing fetched, no script, light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from emotive.media.contact_sheet import PAGE, STATEMENT

from .page_gesture import gesture_page
from .page_head import head_page
from .page_image import image_page
from .page_speech import speech_page
from .page_style import STYLE

GENERATOR = "Emotive evaluation"
BODIES = {"image": image_page, "speech": speech_page, "head": head_page, "gesture": gesture_page}


def page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    samples: Sequence[tuple[str, Mapping[str, Any]]],
) -> str:
    """The page of a report; `samples` are (caption, arm -> what its medium shows: uint8 picture or clips)."""
    title, body = BODIES[report["medium"]](report, points, samples)
    return PAGE.format(
        title=escape(title), style=STYLE, generator=GENERATOR, body="\n".join(body), statement=STATEMENT
    )
