// What the colours mean: near to far, in metres where they are known.

import { paletteCss } from '../palette.js';
import { length } from '../shape.js';
import { h } from './dom.js';

const EVERY = 250; // ms: numbers that change with every picture nobody can read

export class Legend {
  #near = h('span');
  #far = h('span');
  #bar = h('i');
  #newest = null;
  #timer = 0;

  constructor() {
    this.element = h('div', { class: 'legend glass', hidden: true }, this.#near, this.#bar, this.#far);
  }

  /**
   * Called for every picture. The page is touched now and then, and only where something changes: to lay it out and
   * paint it anew can cost more than to draw the picture.
   */
  show(isShown, legend) {
    if (this.element.hidden === isShown) this.element.hidden = !isShown;
    this.#newest = isShown ? legend : null;
    if (!isShown || this.#timer) return;
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#newest) this.#write();
    }, EVERY);
  }

  #write() {
    const { range, isMetric, palette, isInverted } = this.#newest;
    set(this.#near, 'textContent', isMetric ? length(range.near, true) : 'near');
    set(this.#far, 'textContent', isMetric ? length(range.far, true) : 'far');
    set(this.#bar.dataset, 'palette', palette, () => (this.#bar.style.background = paletteCss(palette)));
    set(this.#bar.style, 'transform', isInverted ? 'scaleX(-1)' : '');
  }
}

function set(object, key, value, also) {
  if (object[key] === value) return;
  object[key] = value;
  also?.();
}
