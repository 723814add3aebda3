"""Do other programs see our motion as we do? Writes a body with a face in every format and asks them.

    python benchmarks/exports.py -o out --node NODE --blender PYTHON --browser chromium [--motion a.npz]

--node: a folder in which `npm install gltf-validator@2.0.0-dev.3.10 three @pixiv/three-vrm
@pixiv/three-vrm-animation esbuild` was run: the Khronos validator counts errors and warnings.
--blender: a Python in which `pip install bpy` was run (Blender without its window, some 400 MB): it imports
the .bvh and the .glb. --browser: a Chromium, in which three-vrm plays the .vrma on our .vrm (needs --node).
What is not named is left out. The greatest distance of any joint from where it should be is printed, in mm.
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import json
import os
import queue
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.body.bone_names import MIXAMO
from emotive.body.figure import figure
from emotive.body.head_and_body import face_of, with_face
from emotive.body.motion_files import load_body_motion, save_body_motion
from emotive.body.retarget import fitted
from emotive.body.skeleton import SIGN, offsets_of
from emotive.body.vrm import write_vrm
from emotive.signals import JOINT, JOINTS, BodyMotion
from emotive.signals.rotations import matrices_of_vectors, six_of

STEP = 7  # frames between two that are compared

VALIDATE = """
const validator = require(process.argv[1] + '/node_modules/gltf-validator'), fs = require('fs');
(async () => { for (const file of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)));
  console.log(file, 'errors', report.issues.numErrors, 'warnings', report.issues.numWarnings);
} })();
"""

BLENDER = """
import json, sys
import bpy
import numpy as np
path, names, step, out = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = 30
if path.endswith('.bvh'):
    bpy.ops.import_anim.bvh(filepath=path, global_scale=0.01, update_scene_fps=True)
else:
    bpy.ops.import_scene.gltf(filepath=path)
rig = next(thing for thing in scene.objects if thing.type == 'ARMATURE')
first, last = (int(round(x)) for x in rig.animation_data.action.frame_range)
found = []
for frame in range(first, last + 1, step):
    scene.frame_set(frame)
    heads = [rig.matrix_world @ rig.pose.bones[name].head for name in names]
    found.append([(head.x, head.z, -head.y) for head in heads])  # Blender has Z up
np.save(out, np.array(found))
print('Blender', bpy.app.version_string)
"""

PAGE = """
import * as THREE from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { VRMLoaderPlugin } from '@pixiv/three-vrm';
import { VRMAnimationLoaderPlugin, VRMLookAtQuaternionProxy, createVRMAnimationClip }
  from '@pixiv/three-vrm-animation';
const times = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const tell = (what) => fetch('told', { method: 'POST', body: JSON.stringify(what) });
(async () => {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
  const vrm = (await loader.loadAsync('a.vrm')).userData.vrm;
  const animation = (await loader.loadAsync('a.vrma')).userData.vrmAnimations[0];
  const looking = new VRMLookAtQuaternionProxy(vrm.lookAt);
  looking.name = 'looking';
  vrm.scene.add(looking);
  const mixer = new THREE.AnimationMixer(vrm.scene);
  const action = mixer.clipAction(createVRMAnimationClip(animation, vrm));
  action.setLoop(THREE.LoopOnce).clampWhenFinished = true;
  action.play();
  const scene = new THREE.Scene().add(vrm.scene);
  scene.background = new THREE.Color(0xdde3ea);
  const sun = new THREE.DirectionalLight(0xffffff, 2.4);
  sun.position.set(1, 2, 3);
  scene.add(sun, new THREE.HemisphereLight(0xffffff, 0x8899aa, 1.3));
  const camera = new THREE.PerspectiveCamera(26, 420 / 640, 0.1, 20);
  camera.position.set(0.9, 1.2, 4.3);
  camera.lookAt(0, 0.9, 0);
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(420, 640);
  const pictures = [];
  const frames = times.map((time) => {
    mixer.setTime(time);
    vrm.update(0);
    vrm.scene.updateMatrixWorld(true);
    if (pictures.length < 3) {
      renderer.render(scene, camera);
      pictures.push(renderer.domElement.toDataURL());
    }
    return Object.fromEntries(Object.keys(vrm.humanoid.humanBones).map((name) => {
      const at = vrm.humanoid.getRawBoneNode(name).getWorldPosition(new THREE.Vector3());
      return [name, [at.x, at.y, at.z]];
    }));
  });
  tell({ three: THREE.REVISION, frames, pictures });
})().catch((error) => tell({ error: String(error.stack) }));
"""


def main() -> None:
    """Writes the files and prints what each program says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--motion", type=Path, help=".npz, .json or .bvh; made up without it")
    parser.add_argument("--node", type=Path)
    parser.add_argument("--blender", type=Path)
    parser.add_argument("--browser")
    options = parser.parse_args()
    out = options.output.resolve()
    out.mkdir(parents=True, exist_ok=True)
    motion = load_body_motion(options.motion) if options.motion else made_up()
    motion = fitted(motion, figure().offsets)
    motion, face = with_face(motion, face_of(motion))
    written = [save_body_motion(motion, out / f"a{kind}", face=face) for kind in (".bvh", ".glb", ".vrma")]
    for kind in (".bvh", ".glb"):
        written.append(save_body_motion(motion, out / f"mixamo{kind}", face=face, names="mixamo"))
    written.append(write_vrm(out / "a.vrm"))
    for path in written:
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    if options.node:
        files = [str(path) for path in written if path.suffix != ".bvh"]
        print(run(["node", "-e", VALIDATE, str(options.node.resolve()), *files]), end="")
    if options.blender:
        for path in written:
            if path.suffix in (".bvh", ".glb"):
                in_blender(options.blender, path, motion)
    if options.node and options.browser:
        in_browser(options.node.resolve(), options.browser, out, motion)


def made_up(seconds: float = 6.0) -> BodyMotion:
    """Everything moves: each joint swings about an axis of its own, and the hips go about."""
    rng, at = np.random.default_rng(0), np.arange(round(30 * seconds))[:, None, None] / 30
    swing = np.sin(rng.uniform(1, 5, (1, 55, 1)) * at + rng.uniform(0, 6, (1, 55, 1)))
    turns = 0.22 * rng.normal(size=(1, 55, 3)) * swing
    for side, sign in SIGN.items():
        turns[:, JOINT[f"{side}UpperArm"], 2] -= 1.0 * sign
        turns[:, JOINT[f"{side}LowerArm"], 1] -= 0.8 * sign
        turns[:, JOINT[f"{side}Eye"]] = 0.2 * swing[:, 0] * (1, 1, 0)
    turns[:, JOINT["jaw"]] = 0
    root = offsets_of()[0] + 0.05 * np.sin(at[:, 0] * (1.0, 2.0, 3.0))
    rotations = six_of(matrices_of_vectors(turns))
    return BodyMotion(rotations, root, offsets_of(), Fraction(30), AffectCurve.constant(Affect(0.7, 0.5)))


def in_blender(python: Path, path: Path, motion: BodyMotion) -> None:
    """Imports a file and measures."""
    names = [MIXAMO[name] for name in JOINTS] if path.stem == "mixamo" else [*JOINTS]
    found = path.with_name("blender.npy")
    told = run([str(python), "-c", BLENDER, str(path), json.dumps(names), str(STEP), str(found)])
    seen, wanted = np.load(found), motion.positions()[::STEP]
    count = min(len(seen), len(wanted))  # Blender lets a BVH last a frame longer
    worst = 1000 * np.abs(seen[:count] - wanted[:count]).max()
    print(f"{told.splitlines()[-1]}, {path.name}: {count} frames, {worst:.4f} mm")


def in_browser(node: Path, browser: str, out: Path, motion: BodyMotion) -> None:
    """Plays the .vrma on the .vrm and measures; three pictures of it go to three-vrm-0.png and on."""
    (out / "page.js").write_text(PAGE)
    (out / "index.html").write_text("<script src='all.js'></script>")
    bundle = ["--bundle", "--log-level=error", f"--outfile={out / 'all.js'}"]
    tool, modules = node / "node_modules" / ".bin" / "esbuild", {"NODE_PATH": str(node / "node_modules")}
    subprocess.run([tool, out / "page.js", *bundle], check=True, env=os.environ | modules)
    frames = range(0, len(motion), 4 * STEP)
    times = json.dumps([frame / float(motion.fps) for frame in frames])
    answers: queue.Queue[Any] = queue.Queue()
    serve = functools.partial(Listener, answers, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                   "--no-first-run", "--disable-background-networking",
                   f"--user-data-dir={out / 'browser'}"]  # fmt: skip
        page = f"http://127.0.0.1:{server.server_port}/index.html#{times}"
        quiet = subprocess.DEVNULL
        with subprocess.Popen([browser, *options, page], stdout=quiet, stderr=quiet) as shown:
            try:
                answer = answers.get(timeout=300)
            except queue.Empty:
                raise SystemExit("the page said nothing in five minutes") from None
            finally:
                shown.terminate()
        server.shutdown()
    if "error" in answer:
        raise SystemExit(answer["error"])
    for k, picture in enumerate(answer["pictures"]):
        (out / f"three-vrm-{k}.png").write_bytes(base64.b64decode(picture.partition(",")[2]))
    wanted = motion.positions()
    worst = max(
        np.abs(np.array(at) - wanted[frame, JOINTS.index(name)]).max()
        for frame, bones in zip(frames, answer["frames"], strict=True)
        for name, at in bones.items()
    )
    print(f"three.js r{answer['three']}, a.vrma on a.vrm: {len(frames)} frames, {1000 * worst:.4f} mm")


class Listener(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word, and hears what its pages tell."""

    def __init__(self, answers: queue.Queue[Any], *args: Any, **named: Any):
        self.answers = answers
        super().__init__(*args, **named)

    def do_POST(self) -> None:
        """Takes a page's answer."""
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def run(command: list[str]) -> str:
    """What a program says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
