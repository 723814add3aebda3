"""What of a face a user's character can show, and the weights of its morph targets for a face's motion.

In this order: ARKit's blendshapes as VRM expressions ("perfect sync"), ARKit's blendshapes by the names of
morph targets (jawOpen, JawOpen, jaw_open, eyeBlink_L, "face.eyeBlinkLeft"), VRM's preset expressions (five
mouths, blinks, feelings). VRM 0.x: vrm-specification, 0.0/README.md; 1.0: VRMC_vrm-1.0/expressions.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from emotive.errors import InputError
from emotive.face.live_link import EYE_RANGE, eye_looks
from emotive.signals import ARKIT, FaceMotion

from .character_file import GltfFile
from .vrm_expressions import BLINKS, FEELINGS, MOUTHS, preset_weights

ENOUGH = 10  # of ARKit's blendshapes, from which a face is one of ARKit's
LOOKS = ("lookUp", "lookDown", "lookLeft", "lookRight")
_PRESETS_0 = {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "blink": "blink", "blink_l": "blinkLeft",
    "blink_r": "blinkRight", "joy": "happy", "angry": "angry", "sorrow": "sad", "fun": "relaxed",
    "lookup": "lookUp", "lookdown": "lookDown", "lookleft": "lookLeft", "lookright": "lookRight",
}  # fmt: skip
_PRESETS_1 = {*MOUTHS, *BLINKS, *FEELINGS, *LOOKS}


class Bind(NamedTuple):
    """A morph target that a control moves: node, number of the target, weight at full strength."""

    node: int
    target: int
    weight: float


class Control(NamedTuple):
    """binds: what it moves. binary: whether it is only on or off."""

    binds: tuple[Bind, ...]
    binary: bool = False


def controls_of(file: GltfFile) -> dict[str, Control]:
    """ARKit's names or VRM's presets -> what moves them; empty for a face that cannot move.

    Raises InputError for expressions that speak of nodes or targets that are not there.
    """
    presets, custom = _expressions(file)
    for found in (custom, _named_targets(file)):
        if len(found) >= ENOUGH:
            looks = {name: control for name, control in presets.items() if name in LOOKS}
            return {**found, **looks} if not any(name.startswith("eyeLook") for name in found) else found
    return {name: control for name, control in presets.items() if control.binds}


def weight_tracks(
    file: GltfFile, controls: Mapping[str, Control], face: FaceMotion, eyes_turn: bool
) -> dict[int, np.ndarray]:
    """Of each node whose morph targets move, the weights of all of them, float32 (T, K).

    eyes_turn: whether the gaze is shown by bones; else morph targets show it, if there are any.
    """
    values = _values(controls, face, eyes_turn)
    moved = {bind.node for name in values for bind in controls[name].binds}
    tracks = {node: np.tile(_at_rest(file, node), (len(face), 1)) for node in moved}
    for name, value in values.items():
        if controls[name].binary:
            value = (value > 0.5).astype(np.float32)
        for bind in controls[name].binds:
            tracks[bind.node][:, bind.target] += bind.weight * value
    return {node: track.clip(0, 1).astype(np.float32) for node, track in tracks.items()}


def _values(controls: Mapping[str, Control], face: FaceMotion, eyes_turn: bool) -> dict[str, np.ndarray]:
    """How strong each control is, (T,)."""
    weights = face.weights[:, : len(ARKIT)]
    if any(name in ARKIT for name in controls):
        found = {name: weights[:, i] for i, name in enumerate(ARKIT)}
        looks = eye_looks(face.gaze)
        # The lids follow the gaze by these, too.
        found |= {name: np.maximum(found[name], track) for name, track in looks.items()}
    else:
        found = preset_weights(weights)
        if "blink" not in controls:
            both = found.get("blink", np.zeros(len(face), np.float32))
            found |= {side: found.get(side, 0 * both) + both for side in ("blinkLeft", "blinkRight")}
    if not eyes_turn:
        left, up = (face.gaze / np.array(EYE_RANGE)).T
        found |= {"lookUp": up, "lookDown": -up, "lookLeft": left, "lookRight": -left}
    return {name: np.clip(track, 0, 1) for name, track in found.items() if name in controls}


def _expressions(file: GltfFile) -> tuple[dict[str, Control], dict[str, Control]]:
    """VRM's presets, and what it has of ARKit's blendshapes beside them."""
    presets: dict[str, Control] = {}
    arkit: dict[str, Control] = {}
    for name, preset, binds, binary in (*_expressions_1(file), *_expressions_0(file)):
        for bind in binds:
            if not (0 <= bind.node < len(file.nodes) and 0 <= bind.target < _targets(file, bind.node)):
                raise InputError(f"its expression {name[:40]!r} moves a morph target that is not there")
        if preset:
            presets[preset] = Control(binds, binary)
        elif own := _ARKIT.get(_plain(name)):
            arkit[own] = Control(binds, binary)
    return presets, arkit


def _expressions_1(file: GltfFile) -> list[tuple[str, str, tuple[Bind, ...], bool]]:
    found = []
    kinds = (file.extension("VRMC_vrm") or {}).get("expressions", {})
    for kind in ("preset", "custom"):
        for name, said in (kinds.get(kind) or {}).items():
            binds = tuple(
                Bind(int(b["node"]), int(b["index"]), float(b["weight"]))
                for b in said.get("morphTargetBinds") or ()
            )
            preset = name if kind == "preset" and name in _PRESETS_1 else ""
            found.append((name, preset, binds, bool(said.get("isBinary", False))))
    return found


def _expressions_0(file: GltfFile) -> list[tuple[str, str, tuple[Bind, ...], bool]]:
    found = []
    master = (file.extension("VRM") or {}).get("blendShapeMaster", {})
    for group in master.get("blendShapeGroups") or ():
        binds = tuple(
            Bind(node, int(b["index"]), float(b["weight"]) / 100)
            for b in group.get("binds") or ()
            for node, holder in enumerate(file.nodes)
            if holder.get("mesh") == b["mesh"]
        )
        preset = _PRESETS_0.get(str(group.get("presetName", "")).lower(), "")
        name = str(group.get("name", ""))
        if not preset and name.lower() == "surprised":
            preset = "surprised"
        found.append((name, preset, binds, bool(group.get("isBinary", False))))
    return found


def _named_targets(file: GltfFile) -> dict[str, Control]:
    """ARKit's blendshapes among the morph targets, by name; in several meshes, if several have them."""
    binds: dict[str, list[Bind]] = {}
    for number, node in enumerate(file.nodes):
        if "mesh" in node:
            for target, name in enumerate(_target_names(file, number)):
                if own := _ARKIT.get(_plain(name)):
                    binds.setdefault(own, []).append(Bind(number, target, 1.0))
    return {name: Control(tuple(moved)) for name, moved in binds.items()}


def _mesh(file: GltfFile, node: int) -> dict[str, Any]:
    meshes = file.document.get("meshes", [])
    number = file.nodes[node].get("mesh", -1)
    return meshes[number] if 0 <= number < len(meshes) else {}


def _targets(file: GltfFile, node: int) -> int:
    """How many morph targets the mesh of a node has."""
    primitives = _mesh(file, node).get("primitives", [])
    return len(primitives[0].get("targets", [])) if primitives else 0


def _target_names(file: GltfFile, node: int) -> list[str]:
    mesh = _mesh(file, node)
    holders = (mesh, *mesh.get("primitives", [])[:1])
    for holder in holders:
        extras = holder.get("extras")
        names = extras.get("targetNames") if isinstance(extras, dict) else None
        if isinstance(names, list):
            return [str(name) for name in names][: _targets(file, node)]
    return []


def _at_rest(file: GltfFile, node: int) -> np.ndarray:
    count = _targets(file, node)
    weights = file.nodes[node].get("weights") or _mesh(file, node).get("weights") or [0.0] * count
    return np.array(weights, np.float64)[:count]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


_ARKIT = {
    **{name.lower(): name for name in ARKIT},
    **{name.lower().removesuffix("left") + "l": name for name in ARKIT if name.endswith("Left")},
    **{name.lower().removesuffix("right") + "r": name for name in ARKIT if name.endswith("Right")},
}
