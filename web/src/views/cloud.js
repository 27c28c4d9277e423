// Points that are no grid of pixels (POINTS16): what several cameras see, in one cloud.

import { BufferAttribute, BufferGeometry, Matrix4, Points, PointsMaterial, Quaternion, Vector3 } from 'three';

const ROOM = 1.2; // times what a cloud needs, for the next one
const SIZE = 1.3; // of what a point stands for: neighbours overlap a little
const VIEWS = 2; // at least, that the points are of
const UNTURNED = new Quaternion();

// As wide as its pixel is there, as if all were of the camera that the view begins at.
const SIZED = /* glsl */ `
gl_PointSize = size * length((cameraFromCloud * vec4(position, 1.0)).xyz) * projectionMatrix[1][1];`;
const LIMITED = /* glsl */ `
gl_PointSize = clamp(gl_PointSize, 1.0, 64.0);`;

export class CloudView {
  #stream;
  #settings;
  #extension = null;

  constructor(stream, settings) {
    this.#stream = stream;
    this.#settings = settings;
    const material = new PointsMaterial({ vertexColors: true, toneMapped: false });
    material.onBeforeCompile = (shader) => {
      shader.uniforms.cameraFromCloud = { value: this.object.matrix };
      shader.vertexShader = `uniform mat4 cameraFromCloud;\n${shader.vertexShader}`
        .replace('gl_PointSize = size;', SIZED)
        .replace('#include <logdepthbuf_vertex>', `${LIMITED}\n#include <logdepthbuf_vertex>`);
      // The bytes are what the screen shows: no way through linear light.
      shader.fragmentShader = shader.fragmentShader.replace('#include <colorspace_fragment>', '');
    };
    this.object = new Points(new BufferGeometry(), material);
    this.object.frustumCulled = false;
    this.object.visible = false;
    this.object.matrixAutoUpdate = false;
  }

  apply({ head, content }) {
    this.#extension = head.extension;
    const { count } = head.extension;
    const geometry = this.object.geometry;
    if (!geometry.attributes.position || geometry.attributes.position.count < count) {
      const room = Math.ceil(count * ROOM);
      geometry.dispose(); // the smaller one on the graphics card
      geometry.setAttribute('position', new BufferAttribute(new Int16Array(4 * room), 4, true));
      geometry.setAttribute('color', new BufferAttribute(new Uint8Array(4 * room), 4, true));
    }
    for (const [name, values] of [['position', content.positions], ['color', content.colours]]) {
      const attribute = geometry.attributes[name];
      attribute.array.set(values);
      attribute.clearUpdateRanges();
      attribute.addUpdateRange(0, 4 * count);
      attribute.needsUpdate = true;
    }
    this.update();
  }

  /** How many points are drawn: any beginning of the list is an even share of it. */
  get count() {
    return Math.ceil((this.#extension?.count ?? 0) / this.#settings.get('subsample') ** 2);
  }

  update() {
    if (!this.#extension) return;
    const { scale, origin } = this.#extension;
    const { geometry, material, matrix } = this.object;
    geometry.setDrawRange(0, this.count);
    const { width, height, fy } = this.#stream.head?.extension ?? { width: 1, height: 1, fy: 1 };
    const thinned = Math.max(1, Math.sqrt((VIEWS * width * height) / Math.max(1, this.count)));
    material.size = (SIZE * this.#settings.get('point_size') * thinned) / fy;
    material.alphaTest = this.#settings.get('confidence') / 100;
    // It lies in the world, what is drawn in the axes of the picture's camera.
    matrix.compose(new Vector3(...origin), UNTURNED, new Vector3().setScalar(scale));
    matrix.premultiply(new Matrix4().copy(this.#stream.worldFromCamera).invert());
    this.object.matrixWorldNeedsUpdate = true;
  }
}
