// Reads a .glb as `emotive.body.glb` writes it: one skin, surfaces with colours or a picture of them, shapes of the face,
// one linear animation. It stands before the scripts of the component that shows it, in the same function.

const KINDS = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const SIZES = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };

// A promise of {surfaces, joints: how many, seconds, pose(time), standing(places)}. `pose` says {rows: of each joint three rows of the
// matrix from the bind pose into the world, places: where each joint is, weights: of the shapes}.
async function modelOf(buffer) {
  const head = new DataView(buffer);
  const length = head.getUint32(12, true), first = 20 + length + 8; // of the JSON; where the arrays begin
  const gltf = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));

  function stored(number, offset, kind, count) {
    return new kind(buffer, first + (gltf.bufferViews[number].byteOffset ?? 0) + (offset ?? 0), count);
  }
  function array(number) {
    const { bufferView, byteOffset, componentType, count, type } = gltf.accessors[number];
    return stored(bufferView, byteOffset, KINDS[componentType], count * SIZES[type]);
  }
  function sparse(number) { // of a shape: which points it moves, and by how much
    const found = gltf.accessors[number]?.sparse;
    if (!found) return null;
    const { count, indices, values } = found;
    return {
      points: stored(indices.bufferView, indices.byteOffset, KINDS[indices.componentType], count),
      moves: stored(values.bufferView, values.byteOffset, Float32Array, 3 * count),
    };
  }

  const plain = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const pictures = await Promise.all((gltf.images ?? []).map(({ bufferView, mimeType }) => {
    const data = stored(bufferView, 0, Uint8Array, gltf.bufferViews[bufferView].byteLength);
    return createImageBitmap(new Blob([data], { type: mimeType }), plain);
  }));

  const surfaces = gltf.meshes.flatMap((mesh) => mesh.primitives.map((each) => {
    const { POSITION, NORMAL, TEXCOORD_0, COLOR_0, JOINTS_0, WEIGHTS_0 } = each.attributes;
    const { name, doubleSided, pbrMetallicRoughness: shade } = gltf.materials[each.material];
    const { baseColorFactor, baseColorTexture: painted } = shade;
    return {
      name,
      doubleSided,
      colour: baseColorFactor.slice(0, 3),
      picture: painted ? pictures[gltf.textures[painted.index].source] : null,
      points: array(POSITION),
      normals: array(NORMAL),
      joints: array(JOINTS_0),
      shares: array(WEIGHTS_0),
      places: painted ? array(TEXCOORD_0) : null,
      colours: COLOR_0 === undefined ? null : array(COLOR_0),
      triangles: array(each.indices),
      shapes: (each.targets ?? []).map((target) => [sparse(target.POSITION), sparse(target.NORMAL)]),
    };
  }));

  const { joints, inverseBindMatrices } = gltf.skins[0], bind = array(inverseBindMatrices);
  const nodes = gltf.nodes.map((node) => ({
    turn: node.rotation ?? [0, 0, 0, 1], place: node.translation ?? [0, 0, 0], above: -1,
  }));
  gltf.nodes.forEach((node, i) => (node.children ?? []).forEach((child) => { nodes[child].above = i; }));
  const { channels, samplers } = gltf.animations[0];
  const tracks = channels.map(({ sampler, target }) => ({
    ...target, times: array(samplers[sampler].input), values: array(samplers[sampler].output),
  }));
  const clock = tracks.reduce((longest, { times }) => (times.length > longest.length ? times : longest), [0]);

  // The value of a track at a time: between two frames on the straight way, for turns made whole again.
  function at({ times, values, path }, time) {
    const size = values.length / times.length, last = times.length - 1;
    let low = 0, high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle;
      else high = middle;
    }
    const span = times[high] - times[low];
    const part = span > 0 ? Math.min(1, Math.max(0, (time - times[low]) / span)) : 0;
    const out = new Array(size);
    for (let k = 0; k < size; k += 1) {
      out[k] = (1 - part) * values[low * size + k] + part * values[high * size + k];
    }
    if (path !== "rotation") return out;
    const whole = Math.hypot(...out);
    return out.map((x) => x / whole);
  }

  function pose(time) {
    const turns = nodes.map(({ turn }) => turn), shifts = nodes.map(({ place }) => place);
    let weights = null;
    for (const track of tracks) {
      const value = at(track, time);
      if (track.path === "rotation") turns[track.node] = value;
      else if (track.path === "translation") shifts[track.node] = value;
      else weights = value;
    }
    const worlds = []; // of each node three rows of four
    const world = (i) => {
      if (!worlds[i]) {
        const own = rowsOf(turns[i], shifts[i]), { above } = nodes[i];
        worlds[i] = above < 0 ? own : product(world(above), own);
      }
      return worlds[i];
    };
    const rows = new Float32Array(12 * joints.length), places = [];
    joints.forEach((joint, i) => {
      const here = world(joint);
      places.push([here[3], here[7], here[11]]);
      rows.set(product(here, transposed(bind, 16 * i)), 12 * i);
    });
    return { rows, places, weights };
  }

  // Where feet stand, three places each: x, z, and how near to the floor.
  const soles = ["left", "right"].map((side) => ["Foot", "Toes"].map((part) => (
    joints.findIndex((joint) => gltf.nodes[joint].name === side + part))));
  function standing(places) {
    return soles.flatMap(([foot, toes]) => [-0.25, 0.35, 1].flatMap((share) => {
      const [heel, tip] = [places[foot], places[toes]];
      const low = Math.max(0, Math.min(heel[1] - 0.085, tip[1] - 0.025));
      return [0, 2].map((axis) => heel[axis] + share * (tip[axis] - heel[axis])).concat(0.34 * Math.exp(-low / 0.05));
    }));
  }

  return { surfaces, joints: joints.length, seconds: clock[clock.length - 1], pose, standing };
}

function rowsOf([x, y, z, w], [a, b, c]) { // of a turn and a shift
  return [
    1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), a,
    2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), b,
    2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), c,
  ];
}

function product(a, b) { // of two matrices of three rows; the fourth is 0 0 0 1
  const out = new Array(12);
  for (let row = 0; row < 12; row += 4) {
    for (let k = 0; k < 4; k += 1) {
      out[row + k] = a[row] * b[k] + a[row + 1] * b[4 + k] + a[row + 2] * b[8 + k] + (k === 3 ? a[row + 3] : 0);
    }
  }
  return out;
}

function transposed(columns, at) { // glTF writes matrices column by column
  return Array.from({ length: 12 }, (_, i) => columns[at + 4 * (i % 4) + (i >> 2)]);
}

// The points and normals of a surface whose shapes are drawn by `weights`, into `points` and `normals`.
function shape(surface, weights, points, normals) {
  points.set(surface.points);
  normals.set(surface.normals);
  surface.shapes.forEach((pair, i) => {
    if (Math.abs(weights[i]) < 1e-4) return;
    pair.forEach((found, which) => {
      const out = which ? normals : points;
      found?.points.forEach((point, k) => {
        for (let axis = 0; axis < 3; axis += 1) out[3 * point + axis] += weights[i] * found.moves[3 * k + axis];
      });
    });
  });
}
