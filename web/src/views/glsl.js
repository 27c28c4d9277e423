// GLSL that every view of a picture with depth shares. Four vectors say how:
//   lens: fx, fy, cx, cy            span: offset and step of inverse depth, lowest and highest kept
//   form: pivot, scale, ratio at which a surface is torn (0: never), sum for swapping near and far (0: no)
//   grid: width, height, stride, least confidence (0: all)

export const COMMON = /* glsl */ `
float inverseDepthAt(highp usampler2D depths, sampler2D confidences, ivec2 p, vec4 span, vec4 grid) {
  uint q = texelFetch(depths, p, 0).r;
  if (q == 0u) return 0.0;
  if (grid.w > 0.0 && texelFetch(confidences, p, 0).r < grid.w) return 0.0;
  float w = span.x + span.y * (float(q) - 1.0);
  return w < span.z || w > span.w ? 0.0 : w;
}

float shownDepth(float w, vec4 form) {
  float kept = form.w > 0.0 ? max(form.w - w, 1e-6) : w;
  return form.x * pow(1.0 / (kept * form.x), form.y);
}

vec3 placeOf(vec2 pixel, float z, vec4 lens) {
  return vec3((pixel + 0.5 - lens.zw) / lens.xy * z, z);
}

bool isJump(float a, float b, float ratio) {
  return ratio > 0.0 && (min(a, b) <= 0.0 || max(a, b) > ratio * min(a, b));
}

// A pixel that hangs between two surfaces: it differs from both neighbours of a row, or of a column.
bool isFlying(highp usampler2D depths, sampler2D confidences, ivec2 p, float w, vec4 span, vec4 grid, float ratio) {
  if (ratio <= 0.0) return false;
  ivec2 last = ivec2(grid.xy) - 1;
  float left = inverseDepthAt(depths, confidences, ivec2(max(p.x - 1, 0), p.y), span, grid);
  float right = inverseDepthAt(depths, confidences, ivec2(min(p.x + 1, last.x), p.y), span, grid);
  float above = inverseDepthAt(depths, confidences, ivec2(p.x, max(p.y - 1, 0)), span, grid);
  float below = inverseDepthAt(depths, confidences, ivec2(p.x, min(p.y + 1, last.y)), span, grid);
  return (isJump(w, left, ratio) && isJump(w, right, ratio)) || (isJump(w, above, ratio) && isJump(w, below, ratio));
}
`;

/** Declarations of the uniforms of `Stream.uniforms`, and colours. */
export const UNIFORMS = /* glsl */ `
uniform highp usampler2D depths;
uniform sampler2D confidences;
uniform sampler2D picture;
uniform sampler2D palette;
uniform vec4 lens;
uniform vec4 span;
uniform vec4 form;
uniform vec4 grid;
uniform float byDepth;

vec3 colourOf(vec2 uv, float w) {
  vec3 colour = texture(picture, uv).rgb;
  if (byDepth < 0.5) return colour;
  float near = clamp((w - span.z) / max(span.w - span.z, 1e-9), 0.0, 1.0);
  return texture(palette, vec2((form.w > 0.0 ? 1.0 - near : near) * 0.996 + 0.002, 0.5)).rgb;
}
`;
