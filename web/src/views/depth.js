// The depth map in colours, flat, with the picture beside it.

import { GLSL3, Mesh, OrthographicCamera, PlaneGeometry, Scene, ShaderMaterial } from 'three';
import { COMMON, UNIFORMS } from './glsl.js';

const GAP = 12; // CSS pixels between the two pictures

const vertexShader = /* glsl */ `
out vec2 at;
void main() {
  at = vec2(uv.x, 1.0 - uv.y);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

const picture = /* glsl */ `
precision highp usampler2D;
${UNIFORMS}
in vec2 at;
out vec4 outColour;
void main() {
  outColour = vec4(texture(picture, at).rgb, 1.0);
}`;

const depth = /* glsl */ `
precision highp usampler2D;
${UNIFORMS}
${COMMON}
uniform vec2 limits;
in vec2 at;
out vec4 outColour;
void main() {
  // Between pixels, as far as both are measured.
  vec2 p = clamp(at * grid.xy - 0.5, vec2(0.0), grid.xy - 1.0);
  ivec2 base = ivec2(floor(p));
  ivec2 next = min(base + 1, ivec2(grid.xy) - 1);
  vec2 part = p - vec2(base);
  vec4 w = vec4(
    inverseDepthAt(depths, confidences, base, span, grid),
    inverseDepthAt(depths, confidences, ivec2(next.x, base.y), span, grid),
    inverseDepthAt(depths, confidences, ivec2(base.x, next.y), span, grid),
    inverseDepthAt(depths, confidences, next, span, grid));
  vec4 share = vec4((1.0 - part.x) * (1.0 - part.y), part.x * (1.0 - part.y), (1.0 - part.x) * part.y, part.x * part.y);
  share *= vec4(greaterThan(w, vec4(0.0)));
  float total = dot(share, vec4(1.0));
  if (total < 0.01) discard;
  float near = clamp((dot(share, w) / total - limits.x) / max(limits.y - limits.x, 1e-9), 0.0, 1.0);
  near = form.w > 0.0 ? 1.0 - near : near;
  outColour = vec4(texture(palette, vec2(near * 0.996 + 0.002, 0.5)).rgb, 1.0);
}`;

export class DepthView {
  scene = new Scene();
  camera = new OrthographicCamera(0, 1, 0, -1, -1, 1);
  /** Where the depth map is, CSS pixels from the top left. */
  rectangle = { x: 0, y: 0, width: 1, height: 1 };
  #limits = { value: { x: 0, y: 1 } };

  constructor(stream, settings) {
    this.stream = stream;
    this.settings = settings;
    const quad = (fragmentShader) =>
      new Mesh(
        new PlaneGeometry(1, 1),
        new ShaderMaterial({
          glslVersion: GLSL3, vertexShader, fragmentShader, depthTest: false, transparent: true,
          uniforms: { ...stream.uniforms, limits: this.#limits },
        }),
      );
    this.picture = quad(picture);
    this.map = quad(depth);
    this.scene.add(this.picture, this.map);
  }

  /** Lay out within `free`, a rectangle of a view of `width` x `height`, all in CSS pixels. */
  update({ width, height, free }) {
    const { head } = this.stream;
    if (!head) return;
    const aspect = head.extension.width / head.extension.height;
    const { near_percentile: near, far_percentile: far, side_by_side: isPair } = this.settings.values;
    this.#limits.value = { x: this.stream.inverseDepthAt(far), y: this.stream.inverseDepthAt(Math.min(near, far - 1)) };
    const across = contain(aspect, (free.width - GAP) / 2, free.height);
    const down = contain(aspect, free.width, (free.height - GAP) / 2);
    const isAcross = across.width >= down.width;
    const one = !isPair ? contain(aspect, free.width, free.height) : isAcross ? across : down;
    const step = !isPair ? [0, 0] : isAcross ? [one.width + GAP, 0] : [0, one.height + GAP];
    const x = free.x + (free.width - one.width - step[0]) / 2;
    const y = free.y + (free.height - one.height - step[1]) / 2;
    this.picture.visible = isPair;
    this.#place(this.picture, x, y, one);
    this.#place(this.map, x + step[0], y + step[1], one);
    this.rectangle = { x: x + step[0], y: y + step[1], ...one };
    Object.assign(this.camera, { right: width, bottom: -height });
    this.camera.updateProjectionMatrix();
  }

  #place(quad, x, y, { width, height }) {
    quad.position.set(x + width / 2, -y - height / 2, 0);
    quad.scale.set(width, height, 1);
  }

  /** The pixel of the depth map at a place of the view, or null. */
  pixelAt(x, y) {
    const { rectangle: r, stream } = this;
    const [u, v] = [(x - r.x) / r.width, (y - r.y) / r.height];
    if (!stream.head || u < 0 || v < 0 || u >= 1 || v >= 1) return null;
    return { column: Math.floor(u * stream.head.extension.width), row: Math.floor(v * stream.head.extension.height) };
  }

  /** The place of a pixel of the depth map in the view. */
  placeOf({ column, row }) {
    const { width, height } = this.stream.head.extension;
    const r = this.rectangle;
    return { x: r.x + ((column + 0.5) / width) * r.width, y: r.y + ((row + 0.5) / height) * r.height };
  }
}

function contain(aspect, width, height) {
  const fitted = Math.max(1, Math.min(width, height * aspect));
  return { width: fitted, height: fitted / aspect };
}
