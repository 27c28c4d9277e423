// What the colours mean: near to far, in metres where they are known.

import { paletteCss } from '../palette.js';
import { length } from '../shape.js';
import { h } from './dom.js';

export class Legend {
  #near = h('span');
  #far = h('span');
  #bar = h('i');

  constructor() {
    this.element = h('div', { class: 'legend glass', hidden: true }, this.#near, this.#bar, this.#far);
  }

  show(isShown, { range, isMetric, palette, isInverted }) {
    this.element.hidden = !isShown;
    if (!isShown) return;
    this.#near.textContent = isMetric ? length(range.near, true) : 'near';
    this.#far.textContent = isMetric ? length(range.far, true) : 'far';
    this.#bar.style.background = paletteCss(palette);
    this.#bar.style.transform = isInverted ? 'scaleX(-1)' : '';
  }
}
