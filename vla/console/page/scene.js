// Draws the bodies of a MuJoCo model with WebGL: flat faces, one light, no textures. z points up.

const VERTEX = `
attribute vec3 point; attribute vec3 normal; uniform mat4 view; uniform mat4 place; uniform vec3 size; varying vec3 facing;
void main() { facing = mat3(place) * (normal / size); gl_Position = view * place * vec4(point * size, 1.0); }`;
const FRAGMENT = `
precision mediump float; varying vec3 facing; uniform vec4 colour;
void main() { float light = 0.62 + 0.38 * dot(normalize(facing), normalize(vec3(0.4, -0.3, 0.85)));
  gl_FragColor = vec4(colour.rgb * light, colour.a); }`;
const TURN = 0.008;
const ROUND = 20;

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    [this.yaw, this.pitch, this.away] = [0.75, 0.5, 0.85];
    this.target = [0.16, 0, 0.1];
    this.geoms = [];
    canvas.addEventListener("pointermove", event => { if (event.buttons) this.turn(-event.movementX * TURN, event.movementY * TURN); });
    canvas.addEventListener("wheel", event => { event.preventDefault(); this.near(Math.exp(event.deltaY * 0.001)); }, { passive: false });
    canvas.addEventListener("keydown", event => this.key(event));
  }

  // Returns whether this browser can draw it.
  start() {
    if (this.gl) return true;
    const gl = this.gl = this.canvas.getContext("webgl", { antialias: true });
    if (!gl) return false;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    this.at = name => gl.getUniformLocation(program, name);
    this.point = gl.getAttribLocation(program, "point");
    this.normal = gl.getAttribLocation(program, "normal");
    gl.enableVertexAttribArray(this.point);
    gl.enableVertexAttribArray(this.normal);
    return true;
  }

  load(scene) {
    const shapes = {};
    this.geoms = scene.geoms.map(geom => {
      const key = geom.shape === "mesh" ? `mesh${geom.mesh}` : geom.shape === "capsule" ? `capsule${geom.size}` : geom.shape;
      shapes[key] ??= this.upload(triangles(geom, scene));
      const whole = geom.shape === "mesh" || geom.shape === "capsule";
      const size = whole ? [1, 1, 1] : geom.shape === "plane" ? [geom.size[0] || 1, geom.size[1] || 1, 1] : geom.size;
      return { ...geom, size, local: pose(geom.pos, geom.quat), buffer: shapes[key] };
    });
    this.poses = null;
  }

  upload(corners) {
    const gl = this.gl, data = [];
    for (let i = 0; i < corners.length; i += 3) {
      const [a, b, c] = corners.slice(i, i + 3), normal = cross(minus(b, a), minus(c, a));
      for (const corner of [a, b, c]) data.push(...corner, ...normal);
    }
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(data), gl.STATIC_DRAW);
    return { buffer, count: corners.length };
  }

  // Takes the poses of the bodies, (b, 7): position and quaternion.
  move(poses) {
    this.poses = poses;
    this.draw();
  }

  draw() {
    const { gl, canvas, poses } = this;
    if (!gl || !poses || !this.geoms.length) return;
    const ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(this.at("view"), false, this.view(width / height));
    for (const geom of this.geoms) {
      const at = 7 * geom.body;
      const body = pose(poses.subarray(at, at + 3), poses.subarray(at + 3, at + 7));
      gl.uniformMatrix4fv(this.at("place"), false, times(body, geom.local));
      gl.uniform3fv(this.at("size"), geom.size);
      gl.uniform4fv(this.at("colour"), geom.rgba);
      gl.bindBuffer(gl.ARRAY_BUFFER, geom.buffer.buffer);
      gl.vertexAttribPointer(this.point, 3, gl.FLOAT, false, 24, 0);
      gl.vertexAttribPointer(this.normal, 3, gl.FLOAT, false, 24, 12);
      gl.drawArrays(gl.TRIANGLES, 0, geom.buffer.count);
    }
    canvas.toggleAttribute("data-drawn", gl.getError() === gl.NO_ERROR);
  }

  view(aspect) {
    const { yaw, pitch, away, target } = this;
    const back = [Math.cos(pitch) * Math.cos(yaw), Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch)];
    const right = [-Math.sin(yaw), Math.cos(yaw), 0], up = cross(back, right);
    const eye = target.map((value, i) => value + away * back[i]);
    const turn = [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
      -dot(right, eye), -dot(up, eye), -dot(back, eye), 1];
    const scale = 1 / Math.tan(0.35), near = 0.02, far = 6;
    const lens = [scale / aspect, 0, 0, 0, 0, scale, 0, 0, 0, 0, (far + near) / (near - far), -1,
      0, 0, 2 * far * near / (near - far), 0];
    return times(lens, turn);
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(1.5, Math.max(0.02, this.pitch + pitch));
    this.draw();
  }

  near(factor) {
    this.away = Math.min(3, Math.max(0.25, this.away * factor));
    this.draw();
  }

  key(event) {
    const turns = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
    if (turns[event.key]) this.turn(...turns[event.key]);
    else if (event.key === "+") this.near(0.9);
    else if (event.key === "-") this.near(1.1);
    else return;
    event.preventDefault();
  }
}

// Corners of a shape's triangles; boxes, spheres, cylinders and planes have size 1.
function triangles(geom, scene) {
  if (geom.shape === "mesh") {
    const { vertices, faces } = scene.meshes[geom.mesh];
    return faces.map(index => vertices.slice(3 * index, 3 * index + 3));
  }
  if (geom.shape === "plane") return quads([[[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]]);
  if (geom.shape === "box") return quads([0, 1, 2].flatMap(axis => [-1, 1].map(side => boxFace(axis, side))));
  if (geom.shape === "cylinder") return revolve([[0, -1], [1, -1], [1, 1], [0, 1]]);
  const [radius, half] = geom.shape === "capsule" ? geom.size : [1, 0];
  const profile = [];
  for (let i = 0; i <= 16; i++) {
    const angle = Math.PI * (i / 16 - 0.5);
    profile.push([radius * Math.cos(angle), radius * Math.sin(angle) + (i < 8 ? -half : half)]);
  }
  return revolve(profile);
}

function boxFace(axis, side) {
  const corner = (u, v) => { const p = [0, 0, 0]; p[axis] = side; p[(axis + 1) % 3] = u * side; p[(axis + 2) % 3] = v; return p; };
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

// Turns a profile of (radius, height) around z.
function revolve(profile) {
  const faces = [];
  for (let i = 0; i < ROUND; i++) {
    const [a, b] = [i, i + 1].map(k => 2 * Math.PI * k / ROUND);
    const on = (angle, [radius, height]) => [radius * Math.cos(angle), radius * Math.sin(angle), height];
    for (let k = 0; k + 1 < profile.length; k++) {
      faces.push([on(a, profile[k]), on(b, profile[k]), on(b, profile[k + 1]), on(a, profile[k + 1])]);
    }
  }
  return quads(faces);
}

const quads = faces => faces.flatMap(([a, b, c, d]) => [a, b, c, a, c, d]);
const minus = (a, b) => a.map((value, i) => value - b[i]);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

// 4x4 matrices, column by column.
function pose([x, y, z], [w, i, j, k]) {
  return [1 - 2 * (j * j + k * k), 2 * (i * j + k * w), 2 * (i * k - j * w), 0, 2 * (i * j - k * w), 1 - 2 * (i * i + k * k), 2 * (j * k + i * w), 0,
    2 * (i * k + j * w), 2 * (j * k - i * w), 1 - 2 * (i * i + j * j), 0, x, y, z, 1];
}

function times(a, b) {
  const product = new Float32Array(16);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      for (let k = 0; k < 4; k++) product[4 * column + row] += a[4 * k + row] * b[4 * column + k];
    }
  }
  return product;
}
