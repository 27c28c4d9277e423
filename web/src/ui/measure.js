// Two clicks, one length; and the depth under the pointer.

import { distance, length } from '../shape.js';
import { h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Measure {
  isOn = false;
  #gallery;
  /** What both points lie on. */
  #surface = null;
  #points = [];
  #line = svg('line', { class: 'measure-line' });
  #dots = [svg('circle', { r: 5, class: 'measure-dot' }), svg('circle', { r: 5, class: 'measure-dot' })];
  #label = h('div', { class: 'measure-label', role: 'status', hidden: true });
  #cursor = h('div', { class: 'cursor-depth', hidden: true, 'aria-hidden': 'true' });

  /** `gallery` says which surface is seen where. */
  constructor(gallery) {
    this.#gallery = gallery;
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

  /** A click; true where it set a point. Between two pictures there is no length: the other one is begun anew. */
  click(x, y) {
    const surface = this.#gallery.surfaceAt(x, y);
    const found = surface.pixelAt(x, y, 14);
    if (!found) return false;
    if (this.#points.length === 2 || surface !== this.#surface) this.#points = [];
    this.#surface = surface;
    this.#points.push({ column: found.column, row: found.row });
    this.draw();
    return true;
  }

  /** Show the depth under the pointer, or hide it (x null). */
  hover(x, y) {
    const surface = x === null ? null : this.#gallery.surfaceAt(x, y);
    const isWanted = surface && (this.isOn || surface.isFlat);
    const found = isWanted ? surface.pixelAt(x, y, 8) : null;
    this.#cursor.hidden = !found;
    if (!found) return;
    this.#cursor.textContent = length(surface.depthAt(found), surface.stream.isMetric);
    this.#cursor.style.transform = `translate(${x + 14}px, ${y + 14}px)`;
  }

  /** Follow the view and the newest depth. */
  draw() {
    const surface = this.#surface;
    if (surface && !this.#gallery.surfaces.includes(surface)) this.#points = [];
    const places = this.#points.map((point) => {
      const depth = surface.isShown ? surface.depthAt(point) : null;
      if (!depth) return null;
      point.w = 1 / depth;
      return surface.placeOf(point, depth);
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
    const text = length(distance(surface.stream.shape, ...this.#points), surface.stream.isMetric);
    if (this.#label.textContent !== text) this.#label.textContent = text;
    this.#label.style.transform = `translate(${(a.x + b.x) / 2}px, ${(a.y + b.y) / 2}px) translate(-50%, -150%)`;
  }
}
