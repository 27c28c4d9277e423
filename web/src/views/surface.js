// A picture with depth as it is drawn now: from a place in the view to its pixel, and back.

import { measured, medianDepth, pick, pointAt, shownDepth } from '../shape.js';

const AROUND = 2; // pixels on each side over which a measured depth is the median

export class Surface {
  #stage;
  #part;
  #flat;
  #object;

  /**
   * @param {object} stage
   * @param {{stream: object, part: () => string | null, flat: () => object | null, object: object}} drawn `part`: which part of the
   *   view it is seen through, null while it is not shown; `flat`: the view of its depth map while that is shown, else null; `object`: what its points
   *   are in
   */
  constructor(stage, { stream, part, flat, object }) {
    this.#stage = stage;
    this.stream = stream;
    this.#part = part;
    this.#flat = flat;
    this.#object = object;
  }

  get isShown() {
    return this.#part() !== null;
  }

  /** It is shown as a depth map, in colours. */
  get isFlat() {
    return this.#flat() !== null;
  }

  /** The pixel seen at a place of the view, CSS pixels, or within `radius` of it: {column, row}; null where nothing is. */
  pixelAt(x, y, radius) {
    const { shape, depth } = this.stream;
    if (!shape || !this.isShown) return null;
    const flat = this.#flat();
    if (flat) {
      const pixel = flat.pixelAt(x, y);
      return pixel && measured(shape, depth, pixel.column, pixel.row) ? pixel : null;
    }
    const clip = this.#stage.clipFrom(this.#object, this.#part());
    return pick(shape, depth, clip, { x, y, ...this.#stage.size }, radius);
  }

  /** Median depth around a pixel, in the packet's units; null where nothing is measured, or no such pixel is. */
  depthAt(pixel) {
    const { shape, depth } = this.stream;
    return shape && medianDepth(shape, depth, pixel, AROUND);
  }

  /** The place in the view of a pixel at a depth, CSS pixels; null behind the eye. */
  placeOf({ column, row }, depth) {
    const flat = this.#flat();
    if (flat) return flat.placeOf({ column, row });
    const { shape } = this.stream;
    const point = pointAt(shape, column, row, shownDepth(shape, 1 / depth));
    return this.#stage.screenOf(point, this.#stage.clipFrom(this.#object, this.#part()));
  }
}
