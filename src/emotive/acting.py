"""From a plan to a body that moves, and to the film of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emotive.affect import Affect
from emotive.body.stage import Stage
from emotive.media.provenance import Provenance

if TYPE_CHECKING:
    from emotive.body.actors import Actor
    from emotive.pipelines.gesture import EmotiveGesturePipeline
    from emotive.signals import BodyMotion, FaceMotion, Speech


def moved(
    pipe: EmotiveGesturePipeline, plan: Provenance, speech: Speech, stage: Stage | None = None
) -> BodyMotion:
    """How the body of a plan moves."""
    import torch

    from emotive.voice.recording import open_recording

    stage = stage or Stage()
    borrowed = None if stage.emotion_from is None else open_recording(stage.emotion_from)
    untold = not plan.affect_text and plan.curve is None and plan.affect == Affect.neutral()
    return pipe(
        speech,
        None if untold or borrowed else plan.curve or plan.affect,
        emotion_from=borrowed,
        style=stage.style,
        fps=plan.fps or 30.0,
        num_inference_steps=plan.num_inference_steps,
        guidance_scale=plan.guidance_scale,
        affect_guidance_scale=plan.affect_guidance_scale,
        affect_strength=plan.affect_strength,
        generator=torch.Generator("cpu").manual_seed(plan.seed),
    ).motion  # type: ignore[union-attr]


def write_preview(
    target: Path,
    plan: Provenance,
    motion: BodyMotion,
    speech: Speech | None,
    actor: Actor | None = None,
    face: FaceMotion | None = None,
    upper: bool = False,
) -> Path:
    """Writes a video of the motion, with its sound."""
    from tqdm import tqdm

    from emotive.body.head_and_body import with_face
    from emotive.body.renderer import BodyRenderer
    from emotive.media.video import VideoWriter

    assert plan.size is not None
    if face is not None:
        motion, face = with_face(motion, face)
    frames = BodyRenderer(actor, plan.size[0], framing="upper" if upper else "full").frames(motion, face)
    sound = None if speech is None else (speech.waveform, speech.sample_rate)
    quiet = True if len(motion) < 300 else None
    with VideoWriter(target, plan.size, motion.fps, plan, sound) as writer:
        for frame in tqdm(frames, total=len(motion), unit="frame", disable=quiet, leave=False):
            writer.write(frame)
    return target
