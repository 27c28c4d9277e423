// Every pixel a round dot as large as the pixel is there; no attributes: the vertex number says which pixel.

import { BufferGeometry, GLSL3, Points, ShaderMaterial, Vector2 } from 'three';
import { COMMON, UNIFORMS } from './glsl.js';

const vertexShader = /* glsl */ `
precision highp usampler2D;
${UNIFORMS}
${COMMON}
uniform vec2 viewport;
uniform float size;
out vec3 colour;
void main() {
  int columns = (int(grid.x) + int(grid.z) - 1) / int(grid.z);
  ivec2 p = ivec2(gl_VertexID % columns, gl_VertexID / columns) * int(grid.z);
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
  gl_PointSize = 0.0;
  float w = inverseDepthAt(depths, confidences, p, span, grid);
  if (w <= 0.0 || isFlying(depths, confidences, p, w, span, grid, form.z)) return;
  float z = shownDepth(w, form);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(placeOf(vec2(p), z, lens), 1.0);
  float pixel = grid.z * z / lens.x; // how wide this pixel is in space
  gl_PointSize = clamp(size * pixel * projectionMatrix[1][1] * 0.5 * viewport.y / gl_Position.w, 1.0, 48.0);
  colour = colourOf((vec2(p) + 0.5) / grid.xy, w);
}`;

const fragmentShader = /* glsl */ `
in vec3 colour;
out vec4 outColour;
void main() {
  vec2 d = gl_PointCoord - 0.5;
  if (dot(d, d) > 0.25) discard;
  outColour = vec4(colour, 1.0);
}`;

export class PointsView {
  constructor(stream, settings) {
    this.stream = stream;
    this.settings = settings;
    this.viewport = { value: new Vector2(1, 1) };
    this.size = { value: 1 };
    const material = new ShaderMaterial({
      glslVersion: GLSL3, vertexShader, fragmentShader,
      uniforms: { ...stream.uniforms, viewport: this.viewport, size: this.size },
    });
    this.object = new Points(new BufferGeometry(), material);
    this.object.frustumCulled = false;
    this.object.onBeforeRender = (renderer) => {
      const target = renderer.getRenderTarget();
      if (target) this.viewport.value.set(target.width, target.height);
      else renderer.getDrawingBufferSize(this.viewport.value);
    };
  }

  update() {
    const { x, y, z } = this.stream.uniforms.grid.value;
    this.object.geometry.setDrawRange(0, Math.ceil(x / z) * Math.ceil(y / z));
    this.size.value = this.settings.get('point_size');
  }
}
