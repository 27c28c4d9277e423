// A capture of high quality, held beside the stream: what came last of it, seen from where the stream is seen from.

import { Group, Matrix4, Scene } from 'three';
import { Stream } from '../stream.js';
import { DepthView } from './depth.js';
import { MeshView } from './mesh.js';
import { PointsView } from './points.js';

/** Views that have room for two pictures: eyes and headsets have not. */
const FLAT = ['points', 'mesh', 'surfels', 'splats', 'depth'];

export class Beside {
  isOpen = false;
  #stage;
  #settings;
  #scene = new Scene();
  #data = new Group();

  constructor(stage, settings) {
    this.#stage = stage;
    this.#settings = settings;
    this.stream = new Stream(stage.renderer, settings);
    this.points = new PointsView(this.stream, settings);
    this.mesh = new MeshView(this.stream);
    this.depth = new DepthView(this.stream, settings);
    this.#data.matrixAutoUpdate = false;
    this.#data.add(this.points.object, this.mesh.object);
    this.#scene.add(this.#data);
  }

  get isShown() {
    return this.isOpen && FLAT.includes(this.#settings.get('mode')) && !this.#stage.renderer.xr.isPresenting;
  }

  show(packet) {
    this.stream.apply(packet);
    this.isOpen = true;
  }

  close() {
    this.isOpen = false;
  }

  /** Bring uniforms and counts up to the settings. */
  refresh() {
    if (!this.isOpen) return;
    const isPoints = this.#settings.get('mode') === 'points';
    this.points.object.visible = isPoints;
    this.mesh.object.visible = !isPoints;
    this.stream.update();
    this.points.update();
    this.mesh.update();
  }

  /** Draw into the part of the view that the stage aims at. Models disagree about size, so their middles are made one. */
  render(live) {
    const { renderer, camera, data, size, free } = this.#stage;
    if (this.#settings.get('mode') === 'depth') {
      this.depth.update({ ...size, free });
      renderer.render(this.depth.scene, this.depth.camera);
      return;
    }
    const scale = live.shape ? live.shape.pivot / this.stream.shape.pivot : 1;
    this.#data.matrix.copy(data.matrix).multiply(new Matrix4().makeScale(scale, scale, scale));
    this.#data.matrixWorldNeedsUpdate = true;
    renderer.render(this.#scene, camera);
  }
}
