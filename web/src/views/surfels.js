// Every pixel a flat Gaussian on the surface, made on the graphics card from the same two textures as the points.

import { Vector4 } from 'three';
import { COMMON } from './glsl.js';

export const MOST_SURFELS = 12000; // without a graphics card

const SURFEL = /* glsl */ `
vec4 rotationOf(mat3 m) {
  float trace = m[0][0] + m[1][1] + m[2][2];
  vec4 q;
  if (trace > 0.0) {
    q = vec4(m[1][2] - m[2][1], m[2][0] - m[0][2], m[0][1] - m[1][0], 1.0 + trace);
  } else if (m[0][0] > m[1][1] && m[0][0] > m[2][2]) {
    q = vec4(1.0 + m[0][0] - m[1][1] - m[2][2], m[1][0] + m[0][1], m[2][0] + m[0][2], m[1][2] - m[2][1]);
  } else if (m[1][1] > m[2][2]) {
    q = vec4(m[1][0] + m[0][1], 1.0 + m[1][1] - m[0][0] - m[2][2], m[2][1] + m[1][2], m[2][0] - m[0][2]);
  } else {
    q = vec4(m[2][0] + m[0][2], m[2][1] + m[1][2], 1.0 + m[2][2] - m[0][0] - m[1][1], m[0][1] - m[1][0]);
  }
  return normalize(q);
}

// From pixel p towards its neighbour at p + d, or away from the one at p - d where p + d lies on another surface.
vec3 tangentOf(highp usampler2D depths, sampler2D confidences, ivec2 p, ivec2 d, float w, vec3 place,
               vec4 lens, vec4 span, vec4 form, vec4 grid, float ratio) {
  ivec2 last = ivec2(grid.xy) - 1;
  for (int side = 1; side >= -1; side -= 2) {
    ivec2 neighbour = clamp(p + side * d, ivec2(0), last);
    float other = inverseDepthAt(depths, confidences, neighbour, span, grid);
    if (neighbour != p && other > 0.0 && !isJump(w, other, ratio)) {
      return (placeOf(vec2(neighbour), shownDepth(other, form), lens) - place) * float(side);
    }
  }
  return vec3(d, 0.0) * place.z / lens.xyx; // alone: it faces the camera
}
`;

const statements = ({ inputs: i, outputs: o }) => `
  ${o.gsplat}.flags = 0u;
  {
    int stride = int(${i.grid}.z);
    int columns = (int(${i.grid}.x) + stride - 1) / stride;
    ivec2 p = ivec2(${i.index} % columns, ${i.index} / columns) * stride;
    float ratio = ${i.form}.z > 0.0 ? ${i.form}.z : 1e9;
    float w = inverseDepthAt(${i.depths}, ${i.confidences}, p, ${i.span}, ${i.grid});
    if (w > 0.0 && !isFlying(${i.depths}, ${i.confidences}, p, w, ${i.span}, ${i.grid}, ${i.form}.z)) {
      vec3 place = placeOf(vec2(p), shownDepth(w, ${i.form}), ${i.lens});
      vec3 along = tangentOf(${i.depths}, ${i.confidences}, p, ivec2(stride, 0), w, place,
        ${i.lens}, ${i.span}, ${i.form}, ${i.grid}, ratio);
      vec3 down = tangentOf(${i.depths}, ${i.confidences}, p, ivec2(0, stride), w, place,
        ${i.lens}, ${i.span}, ${i.form}, ${i.grid}, ratio);
      vec3 normal = normalize(cross(along, down));
      vec3 first = normalize(along);
      vec3 second = cross(normal, first);
      float pixel = ${i.grid}.z * place.z / ${i.lens}.x;
      float most = 4.0 * pixel; // a disc seen edge-on stays a disc
      vec2 extent = min(vec2(length(along), abs(dot(down, second))), vec2(most));
      vec2 uv = (vec2(p) + 0.5) / ${i.grid}.xy;
      vec3 colour = texture(${i.picture}, uv).rgb;
      if (${i.look}.y > 0.5) {
        float near = clamp((w - ${i.span}.z) / max(${i.span}.w - ${i.span}.z, 1e-9), 0.0, 1.0);
        near = ${i.form}.w > 0.0 ? 1.0 - near : near;
        colour = texture(${i.palette}, vec2(near * 0.996 + 0.002, 0.5)).rgb;
      }
      ${o.gsplat}.flags = GSPLAT_FLAG_ACTIVE;
      ${o.gsplat}.index = ${i.index};
      ${o.gsplat}.center = place;
      ${o.gsplat}.scales = vec3(0.6 * ${i.look}.x * max(extent, vec2(0.5 * pixel)), 0.1 * pixel);
      ${o.gsplat}.quaternion = rotationOf(mat3(first, second, normal));
      ${o.gsplat}.rgba = vec4(colour, 1.0);
    }
  }`;

export class SurfelsView {
  object = null;
  #parent;
  #stream;
  #settings;
  #spark;
  #look = new Vector4();
  #seen = '';

  /** They become an object of `parent`, whose scene has a splat renderer. */
  constructor(parent, stream, settings, { spark }) {
    this.#parent = parent;
    this.#stream = stream;
    this.#settings = settings;
    this.#spark = spark;
  }

  /** Splats now: one for each pixel of the stride. */
  get count() {
    const { x, y, z } = this.#stream.uniforms.grid.value;
    return Math.ceil(x / z) * Math.ceil(y / z);
  }

  #build() {
    const { SplatGenerator, SplatTransformer, dyno } = this.#spark;
    const uniforms = this.#stream.uniforms;
    const texture = (Type, key) => new Type({ key, value: uniforms[key].value, update: () => uniforms[key].value });
    const inputs = {
      depths: texture(dyno.DynoUsampler2D, 'depths'),
      confidences: texture(dyno.DynoSampler2D, 'confidences'),
      picture: texture(dyno.DynoSampler2D, 'picture'),
      palette: texture(dyno.DynoSampler2D, 'palette'),
      lens: new dyno.DynoVec4({ key: 'lens', value: uniforms.lens.value }),
      span: new dyno.DynoVec4({ key: 'span', value: uniforms.span.value }),
      form: new dyno.DynoVec4({ key: 'form', value: uniforms.form.value }),
      grid: new dyno.DynoVec4({ key: 'grid', value: uniforms.grid.value }),
      look: new dyno.DynoVec4({ key: 'look', value: this.#look }),
    };
    const inTypes = {
      index: 'int', depths: 'usampler2D', confidences: 'sampler2D', picture: 'sampler2D', palette: 'sampler2D',
      lens: 'vec4', span: 'vec4', form: 'vec4', grid: 'vec4', look: 'vec4',
    };
    const transformer = new SplatTransformer();
    const generator = dyno.dynoBlock({ index: 'int' }, { gsplat: dyno.Gsplat }, ({ index }) => {
      const surfel = new dyno.Dyno({
        inTypes,
        outTypes: { gsplat: dyno.Gsplat },
        globals: () => [dyno.defineGsplat, COMMON, SURFEL],
        statements: (names) => statements(names).split('\n'),
      });
      return { gsplat: transformer.applyGsplat(surfel.apply({ index, ...inputs }).gsplat) };
    });
    const made = new SplatGenerator({
      numSplats: this.count,
      generator,
      update: ({ object }) => {
        if (transformer.update(object)) object.updateVersion();
      },
    });
    made.frustumCulled = false;
    return made;
  }

  update() {
    if (!this.#stream.head) return;
    this.#look.set(this.#settings.get('splat_size'), this.#settings.get('colouring') === 'depth' ? 1 : 0, 0, 0);
    const size = this.#stream.uniforms.grid.value.toArray().slice(0, 3).join();
    if (!this.object) {
      this.object = this.#build();
      this.#parent.add(this.object);
    } else if (size !== this.#seen) {
      this.object.numSplats = this.count;
      this.object.updateMappingVersion();
    }
    this.#seen = size;
    this.object.updateVersion();
  }
}
