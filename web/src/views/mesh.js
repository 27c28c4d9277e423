// Neighbouring pixels joined to triangles, those across a jump of depth left out; no attributes, no index.

import { BufferGeometry, DoubleSide, GLSL3, Mesh, ShaderMaterial } from 'three';
import { COMMON, UNIFORMS } from './glsl.js';

const vertexShader = /* glsl */ `
precision highp usampler2D;
${UNIFORMS}
${COMMON}
uniform float isFilled;
out vec2 at;
out float inverse;

// The corners of a cell's two triangles: 00 10 01, 01 10 11.
ivec2 corner(int k) {
  return k == 0 ? ivec2(0) : k == 1 || k == 4 ? ivec2(1, 0) : k == 5 ? ivec2(1) : ivec2(0, 1);
}

void main() {
  int stride = int(grid.z);
  ivec2 cells = (ivec2(grid.xy) - 1) / stride;
  int cell = gl_VertexID / 6;
  int k = gl_VertexID % 6;
  ivec2 base = ivec2(cell % cells.x, cell / cells.x);
  int first = (k / 3) * 3;
  float w0 = inverseDepthAt(depths, confidences, (base + corner(first)) * stride, span, grid);
  float w1 = inverseDepthAt(depths, confidences, (base + corner(first + 1)) * stride, span, grid);
  float w2 = inverseDepthAt(depths, confidences, (base + corner(first + 2)) * stride, span, grid);
  float low = min(w0, min(w1, w2));
  float high = max(w0, max(w1, w2));
  float ratio = isFilled > 0.5 || form.z <= 0.0 ? 0.0 : 1.0 + (form.z - 1.0) * grid.z;
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0); // behind everything: all three corners agree, and the triangle is gone
  at = vec2(0.0);
  inverse = 0.0;
  if (low <= 0.0 || (ratio > 0.0 && high > ratio * low)) return;
  inverse = k == first ? w0 : k == first + 1 ? w1 : w2;
  vec2 p = vec2((base + corner(k)) * stride);
  at = (p + 0.5) / grid.xy;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(placeOf(p, shownDepth(inverse, form), lens), 1.0);
}`;

const fragmentShader = /* glsl */ `
${UNIFORMS}
in vec2 at;
in float inverse;
out vec4 outColour;
void main() {
  outColour = vec4(colourOf(at, inverse), 1.0);
}`;

export class MeshView {
  constructor(stream) {
    this.stream = stream;
    /** 1: nothing is torn, as two eyes that stand close to the camera want it. */
    this.isFilled = { value: 0 };
    const material = new ShaderMaterial({
      glslVersion: GLSL3, vertexShader, fragmentShader, side: DoubleSide,
      uniforms: { ...stream.uniforms, isFilled: this.isFilled },
    });
    this.object = new Mesh(new BufferGeometry(), material);
    this.object.frustumCulled = false;
  }

  update() {
    const { x, y, z } = this.stream.uniforms.grid.value;
    this.object.geometry.setDrawRange(0, 6 * Math.floor((x - 1) / z) * Math.floor((y - 1) / z));
  }
}
