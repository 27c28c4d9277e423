// Two eyes beside the camera, and the layouts in which screens and glasses want their pictures.

import {
  GLSL3, Mesh, NoColorSpace, OrthographicCamera, PerspectiveCamera, PlaneGeometry, Scene, ShaderMaterial, Vector2,
  WebGLRenderTarget,
} from 'three';

const REACH = 0.02; // at strength 1 the farthest lies 2 % of the picture's width behind the screen

// Least squares in linear light by E. Dubois, "A projection method to generate anaglyph stereo images", ICASSP 2001.
const anaglyph = /* glsl */ `
uniform sampler2D left;
uniform sampler2D right;
in vec2 at;
out vec4 outColour;
vec3 toLight(vec3 c) { return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c)); }
vec3 toCode(vec3 c) { return mix(c * 12.92, 1.055 * pow(max(c, 0.0), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c)); }
void main() {
  vec3 l = toLight(texture(left, at).rgb);
  vec3 r = toLight(texture(right, at).rgb);
  vec3 light = vec3(
    dot(vec3(0.437, 0.449, 0.164), l) - dot(vec3(0.011, 0.032, 0.007), r),
    dot(vec3(0.377, 0.761, 0.009), r) - dot(vec3(0.062, 0.062, 0.024), l),
    dot(vec3(-0.026, -0.093, 1.234), r) - dot(vec3(0.048, 0.050, 0.017), l));
  outColour = vec4(toCode(clamp(light, 0.0, 1.0)), 1.0);
}`;

const LAYOUTS = {
  // parts of the view (x, y from the bottom left, width, height), and the aspect that each eye sees, in views
  'sbs-half': { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], aspect: 1 },
  'sbs-full': { left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1], aspect: 0.5 },
  cross: { left: [0.5, 0, 0.5, 1], right: [0, 0, 0.5, 1], aspect: 0.5 },
  tab: { left: [0, 0.5, 1, 0.5], right: [0, 0, 1, 0.5], aspect: 1 },
  anaglyph: { left: [0, 0, 1, 1], right: [0, 0, 1, 1], aspect: 1 },
};

export class StereoView {
  #eyes = { left: new PerspectiveCamera(), right: new PerspectiveCamera() };
  #targets = null;
  #flat = new OrthographicCamera(-0.5, 0.5, 0.5, -0.5, -1, 1);
  #scene = new Scene();
  #uniforms = { left: { value: null }, right: { value: null } };

  constructor(stage, stream, settings) {
    this.stage = stage;
    this.stream = stream;
    this.settings = settings;
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: 'out vec2 at; void main() { at = uv; gl_Position = vec4(position.xy * 2.0, 0.0, 1.0); }',
      fragmentShader: anaglyph,
      uniforms: this.#uniforms,
      depthTest: false,
    });
    this.#scene.add(new Mesh(new PlaneGeometry(1, 1), material));
  }

  /** Draw `scene` for both eyes of `camera`. */
  render(scene, camera) {
    const { renderer } = this.stage;
    const layout = this.settings.get('stereo_layout');
    const { left, right, aspect } = LAYOUTS[layout];
    const parts = this.settings.get('swap_eyes') ? { left: right, right: left } : { left, right };
    const size = renderer.getSize(new Vector2());
    this.#aim(camera, (size.x / size.y) * aspect);
    if (layout === 'anaglyph') {
      this.#renderAnaglyph(scene);
      return;
    }
    renderer.setScissorTest(true);
    for (const eye of ['left', 'right']) {
      const [x, y, width, height] = parts[eye];
      const box = [x * size.x, y * size.y, width * size.x, height * size.y];
      renderer.setViewport(...box);
      renderer.setScissor(...box);
      renderer.render(scene, this.#eyes[eye]);
    }
    renderer.setScissorTest(false);
    renderer.setViewport(0, 0, size.x, size.y);
  }

  /** Parallel cameras with shifted frustums: no keystone; what lies at the screen's depth falls on the same place. */
  #aim(camera, aspect) {
    const { fx, width } = this.stream.head.extension;
    const screen = this.stream.depthAt(this.settings.get('stereo_screen'));
    const apart = (this.settings.get('stereo_strength') * REACH * screen * width) / fx;
    for (const [name, side] of [['left', -0.5], ['right', 0.5]]) {
      const eye = this.#eyes[name];
      const shift = side * apart;
      Object.assign(eye, { fov: this.stage.fovFor(aspect), aspect, near: camera.near, far: camera.far });
      eye.updateProjectionMatrix();
      eye.projectionMatrix.elements[8] -= (eye.projectionMatrix.elements[0] * shift) / screen;
      eye.projectionMatrixInverse.copy(eye.projectionMatrix).invert();
      camera.matrixWorld.decompose(eye.position, eye.quaternion, eye.scale);
      eye.translateX(shift);
      eye.updateMatrixWorld();
    }
  }

  #renderAnaglyph(scene) {
    const { renderer } = this.stage;
    const size = renderer.getDrawingBufferSize(new Vector2());
    this.#targets ??= ['left', 'right'].map(() => new WebGLRenderTarget(1, 1, { colorSpace: NoColorSpace, samples: 0 }));
    const [left, right] = this.#targets;
    const isSwapped = this.settings.get('swap_eyes');
    for (const [target, eye] of [[left, 'left'], [right, 'right']]) {
      target.setSize(size.x, size.y);
      renderer.setRenderTarget(target);
      renderer.render(scene, this.#eyes[eye]);
    }
    renderer.setRenderTarget(null);
    this.#uniforms.left.value = (isSwapped ? right : left).texture;
    this.#uniforms.right.value = (isSwapped ? left : right).texture;
    renderer.render(this.#scene, this.#flat);
  }
}
