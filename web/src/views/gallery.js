// All views of the stream: which of them is shown, what it is made of, and drawing it.

import { Beside } from './beside.js';
import { CloudView } from './cloud.js';
import { DepthView } from './depth.js';
import { MeshView } from './mesh.js';
import { PointsView } from './points.js';
import { loadSpark } from './spark.js';
import { SplatsView } from './splats.js';
import { StereoView } from './stereo.js';
import { Surface } from './surface.js';
import { MOST_SURFELS, SurfelsView } from './surfels.js';

/** Views that can be walked around in, all made of the same picture with depth. */
export const GEOMETRIES = ['points', 'mesh', 'surfels'];

export class Gallery {
  surfels = null;
  splats = null;
  hasCloud = false;
  /** What a headset shows: the last of `GEOMETRIES` that was chosen. */
  geometry = 'mesh';
  #stage;
  #stream;
  #settings;
  #onNote;
  #onTrouble;
  #spark = null;
  #isLoading = false;
  #newestSplats = null;

  /** `onNote(title, hint)` tells a person something; `onTrouble` what could not be done. */
  constructor(stage, stream, settings, { onNote, onTrouble }) {
    this.#stage = stage;
    this.#stream = stream;
    this.#settings = settings;
    this.#onNote = onNote;
    this.#onTrouble = onTrouble;
    this.points = new PointsView(stream, settings);
    this.mesh = new MeshView(stream);
    this.cloud = new CloudView(stream, settings);
    this.depth = new DepthView(stream, settings);
    this.stereo = new StereoView(stage, stream, settings);
    this.beside = new Beside(stage, settings, stream);
    this.surface = new Surface(stage, {
      stream,
      part: () => (this.cloud.object.visible ? null : stage.part),
      flat: () => (this.#mode === 'depth' ? this.depth : null),
      object: stage.data,
    });
    stage.data.add(this.points.object, this.mesh.object, this.cloud.object);
  }

  get #mode() {
    return this.#settings.get('mode');
  }

  get #hasPicture() {
    return this.#stream.head !== null;
  }

  /** Which of the objects the mode is made of. */
  get #shown() {
    if (this.#stage.renderer.xr.isPresenting) return this.geometry;
    return this.#mode === 'stereo' ? 'mesh' : this.#mode;
  }

  get #areSplatsDrawn() {
    const made = this[this.#shown]?.object;
    return Boolean(made?.visible && this.#spark?.renderer.activeSplats > 0);
  }

  /** Show what the mode is made of, making what is not there yet. */
  arrange() {
    if (GEOMETRIES.includes(this.#mode)) this.geometry = this.#mode;
    const shown = this.#shown;
    const has = this.#hasPicture && !this.hasCloud;
    this.#stream.mostPixels = shown === 'surfels' && this.#stage.isSoftware ? MOST_SURFELS : Infinity;
    for (const [name, view] of [['surfels', this.surfels], ['splats', this.splats]]) {
      if (view?.object) view.object.visible = shown === name && !this.hasCloud;
    }
    // Points stand in until splats are sorted for the first time.
    const isStandIn = ['surfels', 'splats'].includes(shown) && !this.#areSplatsDrawn;
    this.points.object.visible = has && (shown === 'points' || isStandIn);
    this.cloud.object.visible = this.hasCloud && shown !== 'depth';
    this.mesh.object.visible = has && shown === 'mesh';
    this.mesh.isFilled.value = this.#mode === 'stereo' && shown === 'mesh' && !this.#stage.renderer.xr.isPresenting ? 1 : 0;
    if (shown === 'surfels' && has && !this.surfels) this.#makeSurfels();
    if (shown === 'splats' && this.#newestSplats && !this.hasCloud) this.#takeSplats();
    this.refresh();
  }

  /** Bring uniforms and counts up to the settings. */
  refresh() {
    this.#stream.update();
    this.#stage.place(this.#stream);
    this.points.update();
    this.mesh.update();
    this.cloud.update();
    if (this.surfels?.object?.visible) this.surfels.update();
    if (this.splats?.object?.visible) this.splats.update();
    this.beside.refresh();
    this.#stage.part = this.beside.isShown ? 'live' : 'whole';
    this.#stage.invalidate();
  }

  /** Show a cloud in place of the picture's points and surfaces. */
  showCloud(packet) {
    this.cloud.apply(packet);
    if (this.hasCloud) return;
    this.hasCloud = true;
    this.arrange();
  }

  /** A picture has come after the cloud. */
  dropCloud() {
    if (!this.hasCloud) return;
    this.hasCloud = false;
    this.arrange();
  }

  showSplats(packet) {
    this.#newestSplats = packet;
    if (this.#shown === 'splats') this.#takeSplats();
  }

  async #load() {
    if (this.#isLoading) return null;
    this.#isLoading = true;
    try {
      this.#spark = await loadSpark(this.#stage);
      return this.#spark;
    } catch (error) {
      this.#onTrouble('The splat renderer could not be loaded', `${error.message}. Points and mesh go on.`);
      this.#settings.set('mode', 'points');
      return null;
    } finally {
      this.#isLoading = false;
    }
  }

  async #makeSurfels() {
    const spark = await this.#load();
    if (!spark) return;
    if (this.#stage.isSoftware && this.#stream.depth.length > MOST_SURFELS) {
      this.#onNote(
        'This computer draws without a graphics card',
        'Splats are slow here, so only some are shown. Points and mesh are quicker.',
      );
    }
    this.surfels ??= new SurfelsView(this.#stage.data, this.#stream, this.#settings, spark);
    this.surfels.update();
    this.arrange();
  }

  async #takeSplats() {
    const spark = this.#spark ?? (await this.#load());
    const newest = this.#newestSplats;
    if (!spark || !newest) return;
    this.#newestSplats = null;
    const isFirst = this.splats === null;
    this.splats ??= new SplatsView(this.#stage, this.#settings, spark);
    this.splats.apply(newest);
    if (isFirst) this.arrange();
    this.#stage.invalidate();
  }

  render() {
    if (this.beside.isShown) this.#renderBoth();
    else this.#renderLive();
    if (this.#shown !== 'points' && this.points.object.visible && this.#areSplatsDrawn) this.arrange();
  }

  #renderBoth() {
    const { renderer, size } = this.#stage;
    renderer.setScissorTest(true);
    for (const part of ['beside', 'live']) {
      const { x, y, width, height } = this.#stage.cut(part);
      renderer.setScissor(x, size.height - y - height, width, height);
      this.#stage.aim(part);
      if (part === 'live') this.#renderLive();
      else this.beside.render();
    }
    renderer.setScissorTest(false);
  }

  #renderLive() {
    const { renderer, scene, camera } = this.#stage;
    if (renderer.xr.isPresenting) renderer.render(scene, camera);
    else if (!this.#hasPicture && !this.hasCloud && !this.splats?.object) renderer.clear();
    else if (this.#mode === 'depth') {
      this.depth.update({ ...this.#stage.size, free: this.#stage.free });
      renderer.render(this.depth.scene, this.depth.camera);
    } else if (this.#mode === 'stereo' && this.#hasPicture) this.stereo.render(scene, camera);
    else renderer.render(scene, camera);
  }

  /** What is measured on: the stream's picture, and the capture beside it while there is one. */
  get surfaces() {
    return this.beside.isOpen ? [this.surface, this.beside.surface] : [this.surface];
  }

  /** Which of them is seen at a place of the view, CSS pixels. */
  surfaceAt(x, y) {
    if (!this.beside.isShown) return this.surface;
    const { x: left, y: top } = this.#stage.cut('beside');
    return x >= left && y >= top ? this.beside.surface : this.surface;
  }

  /** How much is drawn, in words. */
  get count() {
    if (!this.#hasPicture) return '–';
    if (this.cloud.object.visible) return `${this.cloud.count.toLocaleString('en')} points`;
    const [value, what] = {
      splats: [this.splats?.count ?? 0, 'splats'],
      surfels: [this.surfels?.count ?? 0, 'surfels'],
      points: [this.points.object.geometry.drawRange.count, 'points'],
      depth: [this.#stream.depth.length, 'pixels'],
    }[this.#mode] ?? [this.mesh.object.geometry.drawRange.count / 3, 'triangles'];
    return `${value.toLocaleString('en')} ${what}`;
  }
}
