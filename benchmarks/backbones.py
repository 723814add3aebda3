"""Measures what gives a diffusion model affect: EmotiCrafter's protocol and ours, side by side.

    python benchmarks/backbones.py --model stabilityai/sd-turbo -o runs/sd-turbo
    python benchmarks/backbones.py --model sdxl.safetensors --adapter directions --adapter blend \\
        --emoticrafter scale_factor_1.5.pth --clip openai/clip-vit-base-patch32 --findingemo V.pth A.pth \\
        -o runs/sdxl

Writes report.json and report.html into the folder and prints a table. Pictures are kept there too: a run that
was stopped goes on, and one more adapter paints only its own. See docs/measuring-backbones.md.
"""

from __future__ import annotations

import argparse
import functools
import shlex
import sys
from pathlib import Path

from emotive.errors import EmotiveError, InputError


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(description="Measure affect on a diffusion backbone; write a report.")
    add = options.add_argument
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the report and the pictures",
    )
    add("--model", required=True, help="hub id, diffusers folder or .safetensors file")
    add("--config", help="for a file: a diffusers folder of the same kind of model")
    add(
        "--adapter", action="append", default=[], metavar="NAME[@STRENGTH]",
        help="directions, blend, or the folder of an adapter; more than once; [directions and blend]",
    )  # fmt: skip
    add(
        "--emoticrafter",
        action="append",
        default=[],
        metavar="FILE",
        help="a published checkpoint, or a folder",
    )
    add("--findingemo", nargs=2, metavar=("VALENCE", "AROUSAL"), help="FindingEmo's two heads; needs --clip")
    add("--clip", help="folder or hub id of a CLIP: CLIPScore, CLIP-IQA, continuity in its features")
    add(
        "--prompts",
        metavar="FILE",
        help="a text file, one prompt a line; or painter: scenes for the stand-in",
    )
    add("--limit", type=int, default=24, help="prompts at most (24)")
    add("--levels", type=int, choices=(3, 5), default=5, help="levels of the grid on each axis (5)")
    add("--seeds", type=int, default=1, help="noises for each prompt and request (1)")
    add("--steps", type=int, help="of sampling; the model's own")
    add("--guidance", type=float, help="guidance_scale; the model's own")
    add("--size", metavar="WxH", help="in pixels; the model's own")
    add("--negative-prompt", default="")
    add("--batch", type=int, default=5, help="pictures at once (5); less needs less memory")
    add("--device")
    add("--dtype")
    add("--offload", choices=("model", "sequential"))
    add("--resamples", type=int, default=2000, help="of the bootstrap by prompt (2000)")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Runs; what is wrong with the input is one line and exit 2."""
    given = sys.argv[1:] if arguments is None else arguments
    asked = parser().parse_args(given)
    try:
        measure(asked, "python benchmarks/backbones.py " + shlex.join(given))
    except EmotiveError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def measure(asked: argparse.Namespace, command: str) -> None:
    """Opens everything, so that what is missing is said first; paints, reads, writes and prints."""
    from tqdm import tqdm

    from emotive.backbones.opening import memory_errors, open_backbone
    from emotive.evaluate.backbone_arms import Painter
    from emotive.evaluate.backbones import batches_of, evaluate_backbone
    from emotive.evaluate.page_backbones import check_backbone_folder, printed, write_backbone_report
    from emotive.perceive.scene import SceneReader

    if asked.limit < 1 or asked.batch < 1 or asked.resamples < 1:
        raise InputError("--limit, --batch and --resamples must be 1 or more")
    prompts = _prompts(asked.prompts, asked.limit)
    clip, judges = _judges(asked)
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {asked.output}: {error.strerror or error}") from error
    check_backbone_folder(asked.output)
    pipe = open_backbone(
        asked.model, config=asked.config, device=asked.device, dtype=asked.dtype, offload=asked.offload
    )
    pipe.set_progress_bar_config(disable=True)
    painter = Painter(pipe, _sampling(pipe, asked), asked.output / "pictures", asked.batch)
    adapters = _adapters(pipe, asked)
    reader = SceneReader.from_pretrained("emotive-scene-reader-1") if prompts[0].scene else None
    total = batches_of(len(prompts), asked.seeds, len(adapters))
    with tqdm(total=total, unit="batch", disable=None, leave=False) as bar, memory_errors():

        def progress(line: str) -> None:
            bar.set_description_str(line)
            bar.update()

        found = evaluate_backbone(
            painter, adapters, judges, prompts, reader=reader, clip=clip, levels=asked.levels,
            seeds=asked.seeds, resamples=asked.resamples, command=command, progress=progress,
        )  # fmt: skip
    paths = write_backbone_report(asked.output, found)
    print(printed(found.report))
    for path in paths:
        print(path)


def _prompts(name: str | None, limit: int):
    from emotive.evaluate.backbones import PROMPTS, painter_prompts, prompts_of, read_prompts

    if name == "painter":
        return painter_prompts(limit)
    return prompts_of((PROMPTS if name is None else read_prompts(name))[:limit])


def _judges(asked: argparse.Namespace):
    """The CLIP, if there is one, and the judges: FindingEmo's first, for it has seen photographs."""
    from emotive.perceive.picture import PictureJudge
    from emotive.perceive.published import PublishedJudge

    clip, judges = None, {}
    if asked.findingemo and not asked.clip:
        raise InputError("--findingemo needs --clip with CLIP ViT-B/32, which its heads read")
    if asked.clip:
        from emotive.perceive.clip import Clip

        clip = Clip.from_pretrained(asked.clip)
    if asked.findingemo:
        from emotive.perceive.findingemo import FindingEmoHeads

        assert clip is not None  # checked above
        judges["findingemo"] = FindingEmoHeads.from_files(asked.findingemo[0], asked.findingemo[1], clip)
    return clip, judges | {"picture": PictureJudge.from_pretrained(), "published": PublishedJudge()}


def _sampling(pipe, asked: argparse.Namespace):
    from emotive.backbones.sampling_defaults import check_size, sampling_defaults
    from emotive.evaluate.backbone_arms import Sampling

    usual = sampling_defaults(pipe)
    size = usual.size
    if asked.size:
        sides = asked.size.lower().split("x")
        if len(sides) != 2 or not all(side.isdigit() for side in sides):
            raise InputError(f"--size is WIDTHxHEIGHT in pixels, such as 512x512, not {asked.size[:20]!r}")
        size = int(sides[0]), int(sides[1])
    check_size(pipe, *size)
    steps = usual.steps if asked.steps is None else asked.steps
    guidance = usual.guidance if asked.guidance is None else asked.guidance
    if not 1 <= steps <= 1000 or not 0 <= guidance <= 100:
        raise InputError(f"{steps} steps and guidance {guidance:g} make no sense: use 1 to 1000 and 0 to 100")
    return Sampling(steps, guidance, size, asked.negative_prompt)


def _adapters(pipe, asked: argparse.Namespace):
    """Every adapter that was asked for; a name may stand with several strengths, and is opened once."""
    from emotive.backbones.adapter import check_strength
    from emotive.backbones.saving import open_adapter
    from emotive.evaluate.backbone_arms import AdapterArm
    from emotive.pipelines.with_affect import plain_embeds

    wanted = asked.adapter or ([] if asked.emoticrafter else ["directions", "blend"])
    encode = functools.partial(plain_embeds, pipe)
    opened, arms = {}, []
    for text in [*wanted, *asked.emoticrafter]:
        name, _, amount = text.rpartition("@") if "@" in text else (text, "", "1")
        try:
            strength = check_strength(float(amount))
        except ValueError:
            raise InputError(
                f"--adapter is NAME or NAME@STRENGTH, such as directions@1.5, not {text!r}"
            ) from None
        if strength == 0:
            raise InputError(f"{text}: strength 0 is the prompt alone, which is measured anyway")
        if name not in opened:
            if Path(name).is_file():
                from emotive.backbones.emoticrafter import EmotiCrafter

                opened[name] = EmotiCrafter.from_checkpoint(name)
            else:
                opened[name] = open_adapter(name, encode)
        label = Path(name).stem if name not in ("directions", "blend") else name
        arms.append(AdapterArm(label if strength == 1 else f"{label}@{strength:g}", opened[name], strength))
    return arms


if __name__ == "__main__":
    main()
