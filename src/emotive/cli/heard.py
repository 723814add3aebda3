"""What is heard beside a face or a body: a recording, or a text in a voice of ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emotive.media.provenance import Provenance
from emotive.voice.recording import open_recording

from .speaking import asked, load_speech_pipeline, settled_speech, speaker

if TYPE_CHECKING:
    from emotive.signals import Speech


def heard_or_spoken(
    plan: Provenance, audio: Path | None, transcript: str | None, speech_model: str, device: str | None
) -> tuple[Speech, Provenance]:
    """The recording, or else the plan's text in a voice of ours with the same feeling; and the plan, with the
    voice that was taken."""
    from emotive.signals import Speech

    if audio is not None:
        return open_recording(audio, transcript), plan
    pipe, here = load_speech_pipeline(speech_model, device)
    # The scales of the plan are the face's or the body's.
    own = replace(plan, num_inference_steps=8, guidance_scale=None, affect_guidance_scale=None)
    spoken = settled_speech(own, pipe, here)
    parts = list(speaker(pipe, spoken, plan.prompt)(asked(plan)))
    return Speech.concatenate(parts), replace(plan, voice=spoken.voice)
