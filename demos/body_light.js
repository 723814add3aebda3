// Draws a model of body_model.js with WebGL 2: its skin moves on the graphics processor, a warm light casts its
// shadow, wall and floor are those of the film. It stands before the script of the component, as body_model.js.

const LIGHT = `
uniform vec3 eye, lights[6]; // towards the key light and its colour, towards the rim light and its colour, sky, floor
uniform highp sampler2DShadow shadow;
uniform mat4 lit;
float seen(vec3 at, float bias, float wide) { // how much of the light comes there: sixteen places around it
  vec3 p = (lit * vec4(at, 1)).xyz * 0.5 + 0.5;
  float sum = 0.0;
  for (int i = 0; i < 16; i++) {
    float r = sqrt((float(i) + 0.5) / 16.0) * wide, a = 2.39996 * float(i);
    sum += texture(shadow, vec3(p.xy + r * vec2(cos(a), sin(a)), p.z - bias));
  }
  return sum / 16.0;
}
vec3 shown(vec3 u) { // linear light, bent towards white where it is bright, as sRGB
  u = mix(u, 0.7 + 0.3 * (1.0 - exp(-(u - 0.7) / 0.3)), step(0.7, u));
  return mix(12.92 * u, 1.055 * pow(max(u, 1e-5), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, u));
}`;

const SKIN = (joints) => `#version 300 es
layout(location = 0) in vec3 point; layout(location = 1) in vec3 normal; layout(location = 2) in uvec4 joints;
layout(location = 3) in vec4 shares; layout(location = 4) in vec2 place; layout(location = 5) in vec4 colour;
uniform vec4 rows[${3 * joints}];
uniform mat4 view;
centroid out vec3 at, turned, tone;
centroid out vec2 spot;
void main() {
  vec4 x = vec4(0), y = vec4(0), z = vec4(0);
  for (int k = 0; k < 4; k++) {
    int j = 3 * int(joints[k]);
    x += shares[k] * rows[j]; y += shares[k] * rows[j + 1]; z += shares[k] * rows[j + 2];
  }
  vec4 p = vec4(point, 1);
  at = vec3(dot(x, p), dot(y, p), dot(z, p));
  turned = vec3(dot(x.xyz, normal), dot(y.xyz, normal), dot(z.xyz, normal));
  tone = colour.rgb;
  spot = place;
  gl_Position = view * vec4(at, 1);
}`;

const FIGURE = `#version 300 es
precision highp float;
centroid in vec3 at, turned, tone;
centroid in vec2 spot;
uniform vec3 colour;
uniform sampler2D picture;
uniform vec4 matter; // softness, gloss, tightness, sheen
uniform float around;
out vec4 pixel;
${LIGHT}
void main() {
  vec3 n = normalize(turned) * (gl_FrontFacing ? 1.0 : -1.0), e = normalize(eye - at);
  vec3 base = colour * tone * texture(picture, spot).rgb;
  float cosine = dot(n, lights[0]), soft = matter.x;
  float open = seen(at + 0.004 * n, 0.0012 + 0.0025 * (1.0 - max(0.0, cosine)), 0.003);
  float direct = max(0.0, (cosine + soft) / (1.0 + soft)) * open;
  float edge = pow(1.0 - max(0.0, dot(n, e)), 3.0);
  vec3 light = mix(lights[5], lights[4], 0.5 + 0.5 * n.y) + direct * lights[1];
  light.r += 0.05 * soft * (1.0 - abs(2.0 * direct - 1.0)) * step(0.001, open); // through skin
  light += 0.42 * around * max(0.0, dot(n, e)) * (1.0 - direct); // from behind, where the light does not come
  vec3 total = base * light + max(0.0, dot(n, lights[2])) * edge * lights[3] * (0.25 + 0.75 * base);
  total += matter.y * pow(max(0.0, dot(n, normalize(e + lights[0]))), matter.z) * open * lights[1];
  total += matter.w * edge * base * 0.6;
  pixel = vec4(shown(total), 1);
}`;

const ROOM = `#version 300 es
precision highp float;
in vec2 at;
uniform mat3 ways; // side, up and forward of the camera, as wide as the picture
uniform vec3 colour, hips, feet[6];
out vec4 pixel;
${LIGHT}
void main() {
  vec3 way = ways * vec3(at, 1);
  float share = 0.0;
  vec2 ground = vec2(0);
  if (way.y < -1e-4) {
    ground = (eye - way * eye.y / way.y).xz;
    float behind = dot(hips.xz - ground, normalize(eye.xz - hips.xz));
    share = smoothstep(0.0, 1.0, clamp((3.2 - behind) / 2.6, 0.0, 1.0));
  }
  float away = distance(ground, hips.xz);
  float wall = 1.06 - 0.16 * pow(clamp(at.y, 0.0, 1.0), 1.5) - 0.10 * at.x * at.x;
  float floor_ = 1.10 + 0.05 * exp(-away * away / 1.21) - 0.10 * at.x * at.x;
  float light = mix(wall, floor_, share), dark = 0.0, stood = 0.0;
  if (share > 0.0) {
    float far = clamp(away / 1.3, 0.0, 1.0);
    dark = 0.54 * (1.0 - seen(vec3(ground.x, 0, ground.y), 0.002, mix(0.004, 0.040, far))) * (1.0 - 0.45 * far);
    for (int i = 0; i < 6; i++) {
      vec2 d = ground - feet[i].xy;
      stood += feet[i].z * exp(-dot(d, d) / 0.003);
    }
  }
  dark = share * (1.0 - (1.0 - dark) * (1.0 - min(0.75, stood)));
  vec3 wanted = shown(colour * light * (1.0 - dark * vec3(0.86, 0.90, 0.82)));
  float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
  pixel = vec4(wanted + (grain - 0.5) / 255.0, 1); // without it, light that falls off slowly shows steps
}`;

const PLAIN = `#version 300 es
precision highp float;
void main() {}`;
const WHOLE = `#version 300 es
out vec2 at;
void main() { at = vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1); gl_Position = vec4(at, 0.9999, 1); }`;

const TEXELS = 1024, REACH = 1.45; // of the light's map; m around the figure that it holds
const CLOTH = [0.16, 0, 8, 0.45]; // softness, gloss, tightness and sheen of what nobody knows better

// {load(model, matter), draw(time, view)}, or null where the browser has no WebGL 2. matter: softness, gloss, tightness
// and sheen by the name of a surface. view: {eye, aim, field, turn, lights, backdrop}, see body.js.
function theatre(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
  if (!gl) return null;
  gl.enable(gl.DEPTH_TEST);
  gl.vertexAttrib4f(5, 1, 1, 1, 1); // of surfaces without colours of their own
  const room = program(WHOLE, ROOM), nothing = gl.createVertexArray();
  let model = null, figure = null, cast = null, drawn = [];

  const map = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, map);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, TEXELS, TEXELS);
  for (const [name, value] of [["COMPARE_MODE", "COMPARE_REF_TO_TEXTURE"], ["MIN_FILTER", "LINEAR"],
    ["MAG_FILTER", "LINEAR"], ["WRAP_S", "CLAMP_TO_EDGE"], ["WRAP_T", "CLAMP_TO_EDGE"]]) {
    gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl[value]);
  }
  const target = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, target);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, map, 0);

  function program(vertex, fragment) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
    const places = new Map();
    return { made, place: (name) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name));
      return places.get(name);
    } };
  }

  function painting(picture) { // of colours as they are shown; white where there is none
    const made = gl.createTexture(), white = new Uint8Array([255, 255, 255, 255]);
    gl.bindTexture(gl.TEXTURE_2D, made);
    if (picture) gl.texImage2D(gl.TEXTURE_2D, 0, gl.SRGB8_ALPHA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.SRGB8_ALPHA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, white);
    gl.generateMipmap(gl.TEXTURE_2D);
    return made;
  }

  function buffer(kind, data, use = gl.STATIC_DRAW) {
    const made = gl.createBuffer();
    gl.bindBuffer(kind, made);
    gl.bufferData(kind, data, use);
    return made;
  }

  function load(next, matter) {
    for (const { vertices, buffers, painted } of drawn) {
      gl.deleteVertexArray(vertices);
      gl.deleteTexture(painted);
      buffers.forEach((each) => gl.deleteBuffer(each));
    }
    if (next.joints !== model?.joints) {
      figure = program(SKIN(next.joints), FIGURE);
      cast = program(SKIN(next.joints), PLAIN);
    }
    model = next;
    drawn = model.surfaces.map((surface) => {
      const vertices = gl.createVertexArray();
      gl.bindVertexArray(vertices);
      const { points, normals, joints, shares, places, colours, triangles } = surface;
      const buffers = [points, normals, joints, shares, places, colours].flatMap((data, i) => {
        if (!data) return [];
        const made = buffer(gl.ARRAY_BUFFER, data, i < 2 && surface.shapes.length ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
        gl.enableVertexAttribArray(i);
        if (i === 2) gl.vertexAttribIPointer(i, 4, gl.UNSIGNED_BYTE, 0, 0);
        else gl.vertexAttribPointer(i, [3, 3, 4, 4, 2, 4][i], gl.FLOAT, false, 0, 0);
        return [made];
      });
      buffers.push(buffer(gl.ELEMENT_ARRAY_BUFFER, triangles));
      const wide = triangles instanceof Uint32Array ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT;
      const moved = surface.shapes.length ? [points.slice(), normals.slice()] : null;
      const painted = painting(surface.picture);
      return { surface, vertices, buffers, painted, count: triangles.length, wide, moved,
        matter: matter[surface.name.toLowerCase()] ?? CLOTH };
    });
    gl.bindVertexArray(null);
  }

  function draw(time, { eye, aim, field, turn, lights, backdrop }) {
    if (!model) return;
    const { rows, places, weights } = model.pose(time);
    for (const { surface, moved, buffers } of drawn) {
      if (!moved || !weights) continue;
      shape(surface, weights, ...moved);
      moved.forEach((data, i) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[i]);
        gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
      });
    }
    const hips = places[0], light = lamp(lights[0], [hips[0], 0.9, hips[2]]);
    const wide = canvas.width / canvas.height, { sees, ways } = camera(eye, aim, field, wide);

    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.viewport(0, 0, TEXELS, TEXELS);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.useProgram(cast.made);
    gl.uniform4fv(cast.place("rows"), rows);
    gl.uniformMatrix4fv(cast.place("view"), false, light);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, null);
    surfaces(() => {});

    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, map);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    for (const each of [room, figure]) {
      gl.useProgram(each.made);
      gl.uniform3fv(each.place("eye"), eye);
      gl.uniform3fv(each.place("lights"), lights.flat());
      gl.uniformMatrix4fv(each.place("lit"), false, light);
    }
    gl.useProgram(room.made);
    gl.uniformMatrix3fv(room.place("ways"), false, ways);
    gl.uniform3fv(room.place("colour"), backdrop);
    gl.uniform3fv(room.place("hips"), hips);
    gl.uniform3fv(room.place("feet"), model.standing(places));
    gl.disable(gl.CULL_FACE);
    gl.bindVertexArray(nothing);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.useProgram(figure.made);
    gl.uniform4fv(figure.place("rows"), rows);
    gl.uniformMatrix4fv(figure.place("view"), false, sees);
    const behind = Math.atan2(eye[0] - aim[0], eye[2] - aim[2]) - turn;
    gl.uniform1f(figure.place("around"), 0.5 - 0.5 * Math.cos(behind));
    gl.uniform1i(figure.place("picture"), 1);
    surfaces(({ surface, matter, painted }) => {
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, painted);
      gl.uniform3fv(figure.place("colour"), surface.colour);
      gl.uniform4fv(figure.place("matter"), matter);
    });
  }

  function surfaces(before) {
    for (const each of drawn) {
      before(each);
      if (each.surface.doubleSided) gl.disable(gl.CULL_FACE);
      else gl.enable(gl.CULL_FACE);
      gl.bindVertexArray(each.vertices);
      gl.drawElements(gl.TRIANGLES, each.count, each.wide, 0);
    }
    gl.bindVertexArray(null);
  }

  return { load, draw };
}

const minus = (a, b) => a.map((x, i) => x - b[i]);
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cross = ([a, b, c], [x, y, z]) => [b * z - c * y, c * x - a * z, a * y - b * x];
const unit = (a) => a.map((x) => x / Math.hypot(...a));

// What a camera sees, as matrices column by column: the world on the screen; its own ways into the world.
function camera(eye, aim, field, wide) {
  const ahead = unit(minus(aim, eye)), side = unit(cross(ahead, [0, 1, 0])), up = cross(side, ahead);
  const tall = Math.tan((field * Math.PI) / 360), near = 0.1, far = 20;
  const rows = [side.map((x) => x / (tall * wide)), up.map((x) => x / tall), ahead];
  const [x, y, z] = rows.map((row) => -dot(row, eye));
  const [a, b] = [(far + near) / (far - near), (-2 * far * near) / (far - near)];
  const sees = [];
  for (let k = 0; k < 3; k += 1) sees.push(rows[0][k], rows[1][k], a * ahead[k], ahead[k]);
  sees.push(x, y, a * z + b, z);
  return { sees, ways: [...side.map((s) => s * tall * wide), ...up.map((u) => u * tall), ...ahead] };
}

// The world as the light sees it, along parallel lines, `REACH` around a place.
function lamp(key, middle) {
  const side = unit(cross([0, 1, 0], key)), up = cross(key, side);
  const rows = [side.map((x) => x / REACH), up.map((x) => x / REACH), key.map((x) => -x / 4)];
  const out = [];
  for (let k = 0; k < 3; k += 1) out.push(rows[0][k], rows[1][k], rows[2][k], 0);
  return [...out, ...rows.map((row) => -dot(row, middle)), 1];
}
