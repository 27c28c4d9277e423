// All views of the stream: which of them is shown, what it is made of, and drawing it.

import { Beside } from './beside.js';
import { CloudView } from './cloud.js';
import { DepthView } from './depth.js';
import { MeshView } from './mesh.js';
import { PointsView } from './points.js';
import { loadSpark } from './spark.js';
import { SplatsView } from './splats.js';
import { StereoView } from './stereo.js';
import { SurfelsView } from './surfels.js';

/** Views that can be walked around in, all made of the same picture with depth. */
export const GEOMETRIES = ['points', 'mesh', 'surfels'];
const MOST_SURFELS = 12000; // without a graphics card

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
    this.cloud = new CloudView(settings);
    this.depth = new DepthView(stream, settings);
    this.stereo = new StereoView(stage, stream, settings);
    this.beside = new Beside(stage, settings);
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
    const has = this.#hasPicture;
    this.#stream.mostPixels = shown === 'surfels' && this.#stage.isSoftware ? MOST_SURFELS : Infinity;
    for (const [name, view] of [['surfels', this.surfels], ['splats', this.splats]]) {
      if (view?.object) view.object.visible = shown === name;
    }
    // Points stand in until splats are sorted for the first time.
    const isStandIn = ['surfels', 'splats'].includes(shown) && !this.#areSplatsDrawn;
    this.points.object.visible = has && (shown === 'points' || isStandIn) && !this.hasCloud;
    this.cloud.object.visible = this.hasCloud && shown === 'points';
    this.mesh.object.visible = has && shown === 'mesh';
    this.mesh.isFilled.value = this.#mode === 'stereo' && shown === 'mesh' && !this.#stage.renderer.xr.isPresenting ? 1 : 0;
    if (shown === 'surfels' && has && !this.surfels) this.#makeSurfels();
    if (shown === 'splats' && this.#newestSplats) this.#takeSplats();
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

  showCloud(packet) {
    this.cloud.apply(packet);
    this.hasCloud = true;
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
    this.surfels ??= new SurfelsView(this.#stage, this.#stream, this.#settings, spark);
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
      else this.beside.render(this.#stream);
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

  /** How much is drawn, in words. */
  get count() {
    if (!this.#hasPicture) return '–';
    const [value, what] = {
      splats: [this.splats?.count ?? 0, 'splats'],
      surfels: [this.surfels?.count ?? 0, 'surfels'],
      points: [this.points.object.geometry.drawRange.count, 'points'],
      depth: [this.#stream.depth.length, 'pixels'],
    }[this.#mode] ?? [this.mesh.object.geometry.drawRange.count / 3, 'triangles'];
    return `${value.toLocaleString('en')} ${what}`;
  }
}
