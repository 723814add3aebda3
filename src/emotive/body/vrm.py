"""Our own figure as a VRM 1.0 avatar, for every program that takes one.

glTF with the extension VRMC_vrm 1.0 (vrm-specification): humanoid bones in VRM's T-pose, expressions as morph
targets, eyes that turn with the gaze. A VRM holds no animation; a VRMA moves it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from emotive.media import write_whole
from emotive.media.gltf import Binary, glb_of
from emotive.signals import ARKIT, JOINT, JOINTS

from .actors import Actor
from .figure import Figure, figure
from .gltf_parts import BODY, COPYRIGHT, FACE, figure_meshes, joint_nodes, mesh_nodes
from .vrm_expressions import presets
from .vrm_rest import vrm_rest

LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
_LEAST = 0.01  # of a shape in an expression


def write_vrm(path: str | os.PathLike[str], actor: Actor | str | None = None, name: str = "Emotive") -> Path:
    """Writes `.vrm`, whole or not at all: the figure of `actor`, called `name`.

    Raises InputError as `write_whole` does.
    """
    path = Path(path)
    write_whole(path, vrm_bytes(figure(actor), name))
    return path


def vrm_bytes(body: Figure, name: str = "Emotive") -> bytes:
    """The file that `write_vrm` writes."""
    from pygltflib import Scene

    binary = Binary()
    return glb_of(
        binary,
        extras={},
        copyright=COPYRIGHT,
        provenance="",
        scenes=[Scene(name=name, nodes=[0, BODY, FACE])],
        nodes=[*joint_nodes(body.offsets, JOINTS, vrm_rest(body.offsets)), *mesh_nodes()],
        extensionsUsed=["VRMC_vrm"],
        extensions={
            "VRMC_vrm": {
                "specVersion": "1.0",
                "meta": _meta(name),
                "humanoid": {
                    "humanBones": {bone: {"node": n} for n, bone in enumerate(JOINTS) if bone != "jaw"}
                },
                "expressions": {
                    "preset": {name: _expression(shape) for name, shape in presets().items()},
                    "custom": {name: _expression(np.eye(len(ARKIT))[k]) for k, name in enumerate(ARKIT)},
                },
                "lookAt": _look_at(body.offsets),
                "firstPerson": {"meshAnnotations": [{"node": node, "type": "auto"} for node in (BODY, FACE)]},
            }
        },
        **figure_meshes(binary, body),
    )


def _meta(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "authors": ["The Emotive contributors"],
        "copyrightInformation": "Apache-2.0",
        "licenseUrl": "https://vrm.dev/licenses/1.0/",
        "otherLicenseUrl": LICENCE,
        "avatarPermission": "everyone",
        "commercialUsage": "corporation",
        "creditNotation": "unnecessary",
        "allowRedistribution": True,
        "modification": "allowModificationRedistribution",
    }


def _expression(shape: np.ndarray) -> dict[str, Any]:
    binds = [
        {"node": FACE, "index": int(k), "weight": round(float(shape[k]), 4)}
        for k in np.flatnonzero(shape > _LEAST)
    ]
    return {"isBinary": False, "morphTargetBinds": binds}


def _look_at(offsets: np.ndarray) -> dict[str, Any]:
    """Bones turn as far as the gaze does."""
    same = {"inputMaxValue": 90.0, "outputScale": 90.0}
    middle = offsets[[JOINT["leftEye"], JOINT["rightEye"]]].mean(0)
    return {
        "type": "bone",
        "offsetFromHeadBone": [float(x) for x in middle],
        "rangeMapHorizontalInner": same,
        "rangeMapHorizontalOuter": same,
        "rangeMapVerticalDown": same,
        "rangeMapVerticalUp": same,
    }
