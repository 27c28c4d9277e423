// A capture of high quality, held beside the stream: what came last of it, seen from where the stream is seen from.

import { Group, Matrix4, Scene } from 'three';
import { Stream } from '../stream.js';
import { DepthView } from './depth.js';
import { MeshView } from './mesh.js';
import { PointsView } from './points.js';
import { loadSpark } from './spark.js';
import { Surface } from './surface.js';
import { MOST_SURFELS, SurfelsView } from './surfels.js';

/** Views that have room for two pictures, and what a capture is drawn as: eyes and headsets have none. */
const DRAWN_AS = { points: 'points', mesh: 'mesh', surfels: 'surfels', splats: 'surfels', depth: 'depth' };

export class Beside {
  isOpen = false;
  /** What is measured on; another one for every capture. */
  surface = null;
  surfels = null;
  #stage;
  #settings;
  #live;
  #scene = new Scene();
  #data = new Group();
  #spark = null;
  #isLoading = false;
  #number = 0; // of captures
  #made = '';

  /** `live`: the stream it is held beside. */
  constructor(stage, settings, live) {
    this.#stage = stage;
    this.#settings = settings;
    this.#live = live;
    this.stream = new Stream(stage.renderer, settings);
    this.points = new PointsView(this.stream, settings);
    this.mesh = new MeshView(this.stream);
    this.depth = new DepthView(this.stream, settings);
    this.#data.matrixAutoUpdate = false;
    this.#data.add(this.points.object, this.mesh.object);
    this.#scene.add(this.#data);
  }

  get #mode() {
    return this.#settings.get('mode');
  }

  get isShown() {
    return this.isOpen && this.#mode in DRAWN_AS && !this.#stage.renderer.xr.isPresenting;
  }

  show(packet) {
    this.stream.apply(packet);
    this.isOpen = true;
    this.#number++;
    this.surface = new Surface(this.#stage, {
      stream: this.stream,
      part: () => (this.isShown ? 'beside' : null),
      flat: () => (this.#mode === 'depth' ? this.depth : null),
      object: this.#data,
    });
  }

  close() {
    this.isOpen = false;
    this.surface = null;
  }

  /** Bring uniforms, counts and what is visible up to the settings. */
  refresh() {
    if (!this.isOpen) return;
    const made = [this.#number, ...Object.values(this.#settings.values)].join();
    if (made !== this.#made) this.#make(); // the stream's pictures change nothing here
    this.#made = made;
    this.#choose();
  }

  #make() {
    const isSlow = DRAWN_AS[this.#mode] === 'surfels' && this.#stage.isSoftware;
    this.stream.mostPixels = isSlow ? MOST_SURFELS : Infinity;
    this.stream.update();
    this.points.update();
    this.mesh.update();
    this.surfels?.update();
  }

  /** Points stand in for surfels until these are sorted for the first time. */
  #choose() {
    const drawn = DRAWN_AS[this.#mode];
    if (drawn === 'surfels' && !this.surfels) this.#load();
    const areSurfelsReady = Boolean(this.surfels && this.#spark.renderer.activeSplats > 0);
    if (this.surfels) this.surfels.object.visible = drawn === 'surfels';
    this.mesh.object.visible = drawn === 'mesh';
    this.points.object.visible = drawn === 'points' || (drawn === 'surfels' && !areSurfelsReady);
  }

  /** Surfels want a splat renderer of their own: each sorts for one scene. */
  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      this.#spark = await loadSpark(this.#stage, this.#scene);
      this.surfels = new SurfelsView(this.#data, this.stream, this.#settings, this.#spark);
      this.surfels.update();
      this.#stage.invalidate();
    } catch {
      // The stream's own surfels say that there are none; points go on.
    }
  }

  /** Draw into the part of the view that the stage aims at. Models disagree about size, so their middles are made one. */
  render() {
    const { renderer, camera, data, size, free } = this.#stage;
    if (this.#mode === 'depth') {
      this.depth.update({ ...size, free });
      renderer.render(this.depth.scene, this.depth.camera);
      return;
    }
    const scale = this.#live.shape ? this.#live.shape.pivot / this.stream.shape.pivot : 1;
    this.#data.matrix.copy(data.matrix).multiply(new Matrix4().makeScale(scale, scale, scale));
    this.#data.matrixWorldNeedsUpdate = true;
    this.#choose();
    renderer.render(this.#scene, camera);
  }
}
