// Points that are no grid of pixels (POINTS16): fused or filtered clouds.

import { BufferAttribute, BufferGeometry, Points, PointsMaterial } from 'three';

export class CloudView {
  constructor(settings) {
    this.settings = settings;
    const material = new PointsMaterial({ vertexColors: true, size: 2, sizeAttenuation: false, toneMapped: false });
    material.onBeforeCompile = (shader) => {
      // The bytes are what the screen shows: no way through linear light.
      shader.fragmentShader = shader.fragmentShader.replace('#include <colorspace_fragment>', '');
    };
    this.object = new Points(new BufferGeometry(), material);
    this.object.frustumCulled = false;
  }

  apply({ head, content }) {
    const { count, scale, origin } = head.extension;
    const geometry = this.object.geometry;
    if ((geometry.attributes.position?.count ?? 0) < count) {
      const room = Math.ceil(count * 1.2);
      geometry.setAttribute('position', new BufferAttribute(new Int16Array(4 * room), 4, true));
      geometry.setAttribute('color', new BufferAttribute(new Uint8Array(4 * room), 4, true));
    }
    geometry.attributes.position.array.set(content.positions);
    geometry.attributes.color.array.set(content.colours);
    geometry.attributes.position.needsUpdate = true;
    geometry.attributes.color.needsUpdate = true;
    geometry.setDrawRange(0, count);
    this.object.scale.setScalar(scale);
    this.object.position.set(...origin);
  }

  update() {
    this.object.material.size = 1.6 * this.settings.get('point_size') * window.devicePixelRatio;
  }
}
