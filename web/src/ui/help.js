// The list of keys and gestures.

import { h } from './dom.js';
import { icon } from './icons.js';
import { KEYS } from './keys.js';

const GESTURES = [
  ['Drag', 'look around'],
  ['Right drag, or two fingers', 'move'],
  ['Wheel, or pinch', 'closer, farther'],
  ['Double click', 'reset the view'],
];

export class Help {
  constructor() {
    const rows = (list) => h('dl', { class: 'keys' }, ...list.map(([key, does]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, does))));
    this.element = h(
      'dialog',
      { class: 'help glass', 'aria-labelledby': 'help-title', onclick: (event) => event.target === this.element && this.close() },
      h('div', { class: 'help-body' },
        h('header', {}, h('h1', { id: 'help-title' }, 'Keys and gestures'),
          h('button', { type: 'button', class: 'action small', 'aria-label': 'Close the help', onclick: () => this.close() }, icon('close'))),
        rows(GESTURES),
        rows(KEYS.filter(({ action }) => action !== 'escape').map(({ show, does }) => [show, does]))),
    );
  }

  get isOpen() {
    return this.element.open;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.element.showModal();
  }

  close() {
    this.element.close();
  }
}
