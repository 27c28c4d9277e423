// Two clicks, one length; and the depth under the pointer.

import { distance, length, measured, pick, pointAt, shownDepth } from '../shape.js';
import { h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const AROUND = 2; // pixels on each side over which a measured depth is the median

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Measure {
  isOn = false;
  #stage;
  #stream;
  #flat;
  #points = [];
  #line = svg('line', { class: 'measure-line' });
  #dots = [svg('circle', { r: 5, class: 'measure-dot' }), svg('circle', { r: 5, class: 'measure-dot' })];
  #label = h('div', { class: 'measure-label', role: 'status', hidden: true });
  #cursor = h('div', { class: 'cursor-depth', hidden: true, 'aria-hidden': 'true' });

  /** `flat()`: the depth view while it is shown, else null. */
  constructor(stage, stream, flat) {
    this.#stage = stage;
    this.#stream = stream;
    this.#flat = flat;
    const overlay = svg('svg', { class: 'overlay', 'aria-hidden': 'true' });
    overlay.append(this.#line, ...this.#dots);
    this.element = h('div', { class: 'measure' }, overlay, this.#label, this.#cursor);
    this.clear();
  }

  setOn(isOn) {
    this.isOn = isOn;
    this.#cursor.hidden = true;
    if (!isOn) this.clear();
  }

  clear() {
    this.#points = [];
    this.draw();
  }

  #pixelAt(x, y, radius) {
    const { shape, depth } = this.#stream;
    if (!shape) return null;
    const flat = this.#flat();
    if (flat) {
      const pixel = flat.pixelAt(x, y);
      return pixel && measured(shape, depth, pixel.column, pixel.row) ? pixel : null;
    }
    const { width, height } = this.#stage.size;
    if (this.#stage.part !== 'whole') {
      const live = this.#stage.cut('live');
      if (x > live.width || y > live.height) return null;
    }
    return pick(shape, depth, this.#stage.clipFromData(), { x, y, width, height }, radius);
  }

  /** A click; true where it set a point. */
  click(x, y) {
    const found = this.#pixelAt(x, y, 14);
    if (!found) return false;
    if (this.#points.length === 2) this.#points = [];
    this.#points.push({ column: found.column, row: found.row });
    this.draw();
    return true;
  }

  /** Show the depth under the pointer, or hide it (x null). */
  hover(x, y) {
    const isWanted = x !== null && (this.isOn || this.#flat());
    const found = isWanted ? this.#pixelAt(x, y, 8) : null;
    this.#cursor.hidden = !found;
    if (!found) return;
    const depth = this.#depthOf(found);
    this.#cursor.textContent = length(depth, this.#stream.isMetric);
    this.#cursor.style.transform = `translate(${x + 14}px, ${y + 14}px)`;
  }

  /** Median depth around a pixel, in the packet's units; null where nothing is measured. */
  #depthOf({ column, row }) {
    const { shape, depth } = this.#stream;
    const found = [];
    for (let j = Math.max(0, row - AROUND); j <= Math.min(shape.height - 1, row + AROUND); j++) {
      for (let i = Math.max(0, column - AROUND); i <= Math.min(shape.width - 1, column + AROUND); i++) {
        const w = measured(shape, depth, i, j);
        if (w) found.push(w);
      }
    }
    if (!found.length) return null;
    found.sort((a, b) => a - b);
    return 1 / found[found.length >> 1];
  }

  /** Follow the view and the newest depth. */
  draw() {
    const { shape } = this.#stream;
    const flat = this.#flat();
    const places = this.#points.map((point) => {
      if (!shape || point.column >= shape.width || point.row >= shape.height) return null;
      const depth = this.#depthOf(point);
      if (!depth) return null;
      point.w = 1 / depth;
      return flat ? flat.placeOf(point) : this.#stage.screenOf(pointAt(shape, point.column, point.row, shownDepth(shape, point.w)));
    });
    this.#dots.forEach((dot, i) => {
      const place = places[i];
      dot.setAttribute('visibility', place ? 'visible' : 'hidden');
      if (place) {
        dot.setAttribute('cx', place.x);
        dot.setAttribute('cy', place.y);
      }
    });
    const [a, b] = places;
    const isPair = Boolean(a && b);
    this.#line.setAttribute('visibility', isPair ? 'visible' : 'hidden');
    this.#label.hidden = !isPair;
    if (!isPair) return;
    for (const [name, value] of Object.entries({ x1: a.x, y1: a.y, x2: b.x, y2: b.y })) this.#line.setAttribute(name, value);
    const text = length(distance(shape, ...this.#points), this.#stream.isMetric);
    if (this.#label.textContent !== text) this.#label.textContent = text;
    this.#label.style.transform = `translate(${(a.x + b.x) / 2}px, ${(a.y + b.y) / 2}px) translate(-50%, -150%)`;
  }

  get text() {
    return this.#label.hidden ? '' : this.#label.textContent;
  }
}
