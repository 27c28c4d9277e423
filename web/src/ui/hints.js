// One small card for people who are here for the first time.

import { h } from './dom.js';

const SEEN = 'vergence.hints';

export class Hints {
  #memory;

  constructor(memory, isTouch) {
    this.#memory = memory;
    const lines = isTouch
      ? [['Drag', 'to look around'], ['Pinch', 'to come closer'], ['Tap', 'another view below']]
      : [['Drag', 'to look around'], ['Scroll', 'to come closer'], ['1 – 7', 'change the view'], ['?', 'every key']];
    this.element = h(
      'div',
      { class: 'hints glass', role: 'note', hidden: true },
      h('dl', {}, ...lines.flatMap(([key, does]) => [h('dt', {}, key), h('dd', {}, does)])),
      h('button', { type: 'button', class: 'main', onclick: () => this.close() }, 'Got it'),
    );
  }

  /** Show it once in a browser's life, when there is something to look at. */
  offer() {
    let isSeen = false;
    try {
      isSeen = this.#memory?.getItem(SEEN) === 'yes';
    } catch {
      isSeen = true;
    }
    if (!isSeen && !this.isDone) this.element.hidden = false;
  }

  close() {
    this.isDone = true;
    this.element.hidden = true;
    try {
      this.#memory?.setItem(SEEN, 'yes');
    } catch {
      // Shown again next time, then.
    }
  }
}
