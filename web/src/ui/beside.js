// What is written over a view that is split: which half is which, and how to be rid of the other one.

import { h } from './dom.js';
import { icon } from './icons.js';

export class BesideLabels {
  #line = h('i', { class: 'beside-line', 'aria-hidden': 'true' });
  #live = h('div', { class: 'beside-label glass' }, 'Live');
  #model = h('span', { class: 'soft' });
  #save = h('a', { download: '', hidden: true }, 'Save');
  #capture;

  constructor({ onClose }) {
    this.#capture = h('div', { class: 'beside-label glass' }, h('strong', {}, 'Capture'), this.#model, this.#save,
      h('button', { type: 'button', class: 'action small', 'aria-label': 'Close the capture', title: 'Close the capture (Esc)', onclick: onClose }, icon('close')));
    this.element = h('section', { class: 'beside', hidden: true, 'aria-label': 'Capture in high quality' }, this.#line, this.#live, this.#capture);
  }

  /** Say what the capture was made by, and where its files are once there are some. */
  tell({ by = '', url = null }) {
    this.#model.textContent = by;
    this.#save.hidden = !url;
    if (url) this.#save.href = url;
  }

  /** Lay out over the halves of a view, `null` where it is whole. */
  place(halves) {
    this.element.hidden = !halves;
    if (!halves) return;
    const { live, beside, isAcross } = halves;
    const put = (element, { x, y, width }) => {
      element.style.left = `${x + width / 2}px`;
      element.style.top = `${y}px`;
      element.style.maxWidth = `${width}px`;
    };
    put(this.#live, live);
    put(this.#capture, beside);
    const [x, y] = isAcross ? [(live.x + live.width + beside.x) / 2, live.y] : [live.x, (live.y + live.height + beside.y) / 2];
    Object.assign(this.#line.style, {
      left: `${x}px`, top: `${y}px`, width: isAcross ? '1px' : `${live.width}px`, height: isAcross ? `${live.height}px` : '1px',
    });
  }
}
