// The stage: renderer, cameras, and the one place where data (x right, y down, z forward) meets three.js (y up).

import { Color, GridHelper, Group, Matrix4, PerspectiveCamera, Scene, Spherical, Vector3, WebGLRenderer } from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

const DATA_TO_WORLD = new Matrix4().makeScale(1, -1, -1);
const PARALLAX = { yaw: 0.075, pitch: 0.05 }; // radians from the middle of the view to its edge
const SWAY = { yaw: 0.2, pitch: 0.05, period: 9 }; // radians, seconds
const EASE = 0.12; // seconds in which half of a parallax shift is done
const HEADSET_DISTANCE = 2; // metres at which the middle of a picture without a scale is put
const GAP = 16; // CSS pixels between the halves of a view that is split
const LABEL = 36; // over each of them
const MOST_RATIO = 2; // device pixels for each of CSS; without a graphics card 1
const CLEAR = { black: '#000000', white: '#ffffff', grey: '#77797d' };

const inDegrees = (radians) => (radians * 180) / Math.PI;

export class Stage {
  scene = new Scene();
  /** Everything in the camera's axes goes here. */
  data = new Group();
  camera = new PerspectiveCamera(50, 1, 0.01, 1000);
  insets = { left: 0, right: 0, top: 0, bottom: 0 };
  isStill = false; // a person asked for less motion
  isHome = true;
  /** Which part of the view is looked through: 'whole', or where it is split 'live' or 'beside'. */
  part = 'whole';
  pointer = { x: 0, y: 0 };
  #base = new PerspectiveCamera(50, 1, 0.01, 1000);
  #offset = { yaw: 0, pitch: 0 };
  #field = { x: 0.6, y: 0.4 }; // tangents of half the picture's field of view
  #pivot = 2;
  #isDirty = true;
  #isSoftware = null;
  #swayed = 0;

  constructor(canvas, settings) {
    this.settings = settings;
    this.canvas = canvas;
    this.renderer = new WebGLRenderer({ canvas, antialias: false, alpha: true, powerPreference: 'high-performance' });
    this.renderer.setPixelRatio(this.#ratio);
    this.renderer.xr.enabled = true;
    this.data.matrixAutoUpdate = false;
    this.data.matrix.copy(DATA_TO_WORLD);
    this.scene.add(this.data);
    this.grid = new GridHelper(20, 20, 0x808080, 0x808080);
    Object.assign(this.grid.material, { transparent: true, opacity: 0.35, depthWrite: false });
    this.scene.add(this.grid);
    this.controls = new OrbitControls(this.#base, canvas);
    Object.assign(this.controls, { enableDamping: true, dampingFactor: 0.12, zoomToCursor: true, screenSpacePanning: true });
    this.controls.addEventListener('change', () => this.invalidate());
    this.controls.addEventListener('start', () => (this.isHome = false));
    this.goHome();
  }

  get #ratio() {
    return Math.min(window.devicePixelRatio, this.isSoftware ? 1 : MOST_RATIO);
  }

  /** There is no graphics card: the processor draws. */
  get isSoftware() {
    this.#isSoftware ??= this.#asksIfSoftware();
    return this.#isSoftware;
  }

  #asksIfSoftware() {
    const gl = this.renderer.getContext();
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    return /swiftshader|llvmpipe|software/i.test(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  invalidate() {
    this.#isDirty = true;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!this.renderer.xr.isPresenting) {
      this.renderer.setPixelRatio(this.#ratio);
      this.renderer.setSize(width, height);
    }
    this.size = { width, height };
    this.invalidate();
  }

  /** The part of the view that no panel covers, CSS pixels. */
  get free() {
    return this.part === 'whole' ? this.#whole : this.halves[this.part];
  }

  /** The halves of a view that is split, beside each other or one over the other: whichever shows the picture larger. */
  get halves() {
    const { x, y, width, height } = this.#whole;
    const fit = (w, h) => Math.min(w / this.#field.x, h / this.#field.y);
    const isAcross = fit((width - GAP) / 2, height - LABEL) >= fit(width, (height - GAP) / 2 - LABEL);
    const size = { width: isAcross ? (width - GAP) / 2 : width, height: (isAcross ? height : (height - GAP) / 2) - LABEL };
    const step = isAcross ? [size.width + GAP, 0] : [0, size.height + LABEL + GAP];
    return { isAcross, live: { x, y: y + LABEL, ...size }, beside: { x: x + step[0], y: y + LABEL + step[1], ...size } };
  }

  /** The rectangle to draw in for a half: up to the middle between both, from the top left. */
  cut(part) {
    const { isAcross, live, beside } = this.halves;
    const { width, height } = this.size;
    const x = isAcross ? Math.round((live.x + live.width + beside.x) / 2) : width;
    const y = isAcross ? height : Math.round((live.y + live.height + beside.y - LABEL) / 2);
    if (part === 'live') return { x: 0, y: 0, width: x, height: y };
    return isAcross ? { x, y: 0, width: width - x, height } : { x: 0, y, width, height: height - y };
  }

  /** Look through a part of the view. */
  aim(part) {
    this.part = part;
    this.#project(this.#base);
    this.#project(this.camera);
  }

  get #whole() {
    const { left, right, top, bottom } = this.insets;
    return {
      x: left,
      y: top,
      width: Math.max(50, this.size.width - left - right),
      height: Math.max(50, this.size.height - top - bottom),
    };
  }

  /** Take over the field of view and the depths of the stream's newest frame. */
  adopt(stream) {
    const { width, height, fx, fy, cx, cy } = stream.head.extension;
    this.#field = { x: Math.max(cx, width - cx) / fx, y: Math.max(cy, height - cy) / fy };
    this.#pivot = stream.shape.pivot;
    this.#base.near = this.camera.near = stream.depthAt(0) * 0.02;
    this.#base.far = this.camera.far = stream.depthAt(100) * 50;
    this.controls.minDistance = this.#pivot * 0.02;
    this.controls.maxDistance = this.#pivot * 30;
    this.isMetric = stream.isMetric;
    this.place(stream);
    if (this.isHome) this.#setTarget();
    this.invalidate();
  }

  /** Where the data stands: before the eye, or in the world that its camera moves through. */
  place(stream) {
    this.data.matrix.copy(DATA_TO_WORLD);
    if (!this.settings.get('follow')) this.data.matrix.multiply(stream.worldFromCamera);
    if (this.renderer.xr.isPresenting) {
      const scale = (this.isMetric ? 1 : HEADSET_DISTANCE / this.#pivot) * this.headset.scale;
      const turn = new Matrix4().makeRotationY(this.headset.yaw);
      this.data.matrix.premultiply(new Matrix4().makeScale(scale, scale, scale));
      this.data.matrix.premultiply(turn.setPosition(0, 0, this.headset.forward));
    }
    this.grid.visible = this.settings.get('grid');
    const unit = this.isMetric ? 1 : this.#pivot / 4;
    this.grid.scale.setScalar(unit);
    this.grid.position.set(0, -1.2 * unit, -this.#pivot);
    this.data.matrixWorldNeedsUpdate = true;
  }

  headset = { scale: 1, yaw: 0, forward: 0 };

  #setTarget() {
    this.controls.target.set(0, 0, -this.#pivot);
    this.#base.position.set(0, 0, 0);
  }

  /** Back to where the picture was taken from. */
  goHome() {
    this.isHome = true;
    this.#base.up.set(0, 1, 0);
    this.#setTarget();
    this.#base.lookAt(this.controls.target);
    const damping = this.controls.enableDamping;
    this.controls.enableDamping = false; // drop what is left of the last drag
    this.controls.update();
    this.controls.enableDamping = damping;
    this.#setTarget();
    this.headset = { scale: 1, yaw: 0, forward: 0 };
    this.invalidate();
  }

  /** Turn, shift and come closer without a pointer: radians, and shares of the distance to the middle. */
  move({ yaw = 0, pitch = 0, right = 0, up = 0, closer = 0 }) {
    this.isHome = false;
    const away = this.#base.position.clone().sub(this.controls.target);
    const ball = new Spherical().setFromVector3(away);
    ball.theta += yaw;
    ball.phi = Math.min(Math.PI - 0.05, Math.max(0.05, ball.phi + pitch));
    ball.radius = Math.max(this.controls.minDistance, ball.radius * (1 - closer));
    const shift = new Vector3(right, up, 0).multiplyScalar(ball.radius).applyQuaternion(this.#base.quaternion);
    this.controls.target.add(shift);
    this.#base.position.copy(this.controls.target).add(new Vector3().setFromSpherical(ball));
    this.controls.update();
    this.invalidate();
  }

  /** Vertical field of view, degrees, in which the whole picture fits into a view of this aspect. */
  fovFor(aspect) {
    return inDegrees(2 * Math.atan(Math.max(this.#field.y, this.#field.x / aspect)));
  }

  #project(camera) {
    const { width, height } = this.size;
    const { free } = this;
    const perTangent = Math.min(free.width / 2 / this.#field.x, free.height / 2 / this.#field.y); // pixels
    const chosen = this.settings.get('view_fov');
    camera.fov = chosen > 0 ? chosen : inDegrees(2 * Math.atan(height / 2 / perTangent));
    camera.aspect = width / height;
    const [x, y] = [width / 2 - free.x - free.width / 2, height / 2 - free.y - free.height / 2];
    camera.setViewOffset(width, height, x, y, width, height); // also updates the projection
  }

  /** Move on by `seconds`; true where the view has changed and must be drawn. */
  advance(seconds) {
    this.controls.enableDamping = !this.isStill;
    this.controls.update(seconds);
    const goal = { yaw: 0, pitch: 0 };
    if (this.settings.get('parallax') && !this.isStill) {
      goal.yaw -= PARALLAX.yaw * this.pointer.x;
      goal.pitch -= PARALLAX.pitch * this.pointer.y;
    }
    if (this.settings.get('orbit')) {
      this.#swayed += seconds;
      const turn = (2 * Math.PI * this.#swayed) / SWAY.period;
      goal.yaw += SWAY.yaw * Math.sin(turn);
      goal.pitch += SWAY.pitch * Math.sin(turn * 0.5);
    }
    const share = 1 - 0.5 ** (seconds / EASE);
    for (const key of ['yaw', 'pitch']) {
      const step = (goal[key] - this.#offset[key]) * share;
      if (Math.abs(step) > 1e-5) {
        this.#offset[key] += step;
        this.#isDirty = true;
      }
    }
    const wasDirty = this.#isDirty;
    this.#isDirty = false;
    if (wasDirty) {
      this.#project(this.#base);
      this.#project(this.camera);
      this.#swing();
    }
    return wasDirty;
  }

  #swing() {
    const away = this.#base.position.clone().sub(this.controls.target);
    const ball = new Spherical().setFromVector3(away);
    ball.theta += this.#offset.yaw;
    ball.phi = Math.min(Math.PI - 0.01, Math.max(0.01, ball.phi + this.#offset.pitch));
    this.camera.position.copy(this.controls.target).add(new Vector3().setFromSpherical(ball));
    this.camera.up.copy(this.#base.up);
    this.camera.lookAt(this.controls.target);
    this.camera.updateMatrixWorld();
  }

  /** From an object's axes to clip space, as seen through a part of the view; column by column. */
  clipFrom(object = this.data, part = this.part) {
    const { part: before } = this;
    if (part !== before) this.aim(part);
    object.updateMatrixWorld();
    const view = new Matrix4().copy(this.camera.matrixWorld).invert();
    const clip = new Matrix4().multiplyMatrices(this.camera.projectionMatrix, view).multiply(object.matrixWorld).elements;
    if (part !== before) this.aim(before);
    return clip;
  }

  setBackground(name, theme) {
    this.renderer.setClearColor(new Color(CLEAR[name] ?? theme), 1);
    this.invalidate();
  }

  /** Where a point, of the data's axes or of others, falls in the view, CSS pixels; null behind the eye. */
  screenOf([x, y, z], m = this.clipFrom()) {
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) return null;
    return {
      x: ((m[0] * x + m[4] * y + m[8] * z + m[12]) / w + 1) * 0.5 * this.size.width,
      y: (1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * 0.5 * this.size.height,
    };
  }
}
