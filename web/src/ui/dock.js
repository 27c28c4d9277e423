// The row at the foot of the page: how to look at it, and what to do with it.

import { MODES } from '../settings.js';
import { h } from './dom.js';
import { icon } from './icons.js';

export const ACTIONS = [
  { id: 'pause', label: 'Pause', key: 'Space' },
  { id: 'home', label: 'Reset the view', key: 'R' },
  { id: 'measure', label: 'Measure', key: 'M' },
  { id: 'snapshot', label: 'Save a picture', key: 'S' },
  { id: 'record', label: 'Record the stream', key: 'Shift+R' },
  { id: 'capture', label: 'Capture in high quality', key: 'X' },
  { id: 'fullscreen', label: 'Full screen', key: 'F' },
];

export class Dock {
  #modes = new Map();
  #actions = new Map();

  constructor(settings, { onMode, onAction }) {
    const modes = MODES.map(({ id, label, hint }, index) => {
      const button = h(
        'button',
        {
          type: 'button', class: 'mode', role: 'radio', title: `${label}: ${hint} (${index + 1})`,
          'aria-keyshortcuts': String(index + 1), onclick: () => onMode(id),
        },
        icon(id),
        h('span', {}, label),
      );
      this.#modes.set(id, button);
      return button;
    });
    const actions = ACTIONS.map(({ id, label, key }) => {
      const button = h(
        'button',
        {
          type: 'button', class: 'action', title: `${label} (${key})`, 'aria-label': label, 'aria-keyshortcuts': key,
          onclick: () => onAction(id),
        },
        icon(id),
      );
      this.#actions.set(id, button);
      return button;
    });
    const group = h('div', { class: 'modes', role: 'radiogroup', 'aria-label': 'View', onkeydown: (event) => this.#walk(event) }, ...modes);
    this.element = h('nav', { class: 'dock glass', 'aria-label': 'View and actions' }, group, h('div', { class: 'actions' }, ...actions));
    this.choose(settings.get('mode'));
  }

  /** Arrow keys go through a radio group. */
  #walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const open = [...this.#modes.values()].filter((button) => !button.disabled);
    const next = open[(open.indexOf(document.activeElement) + step + open.length) % open.length];
    next.focus();
    next.click();
  }

  choose(mode) {
    for (const [id, button] of this.#modes) {
      button.setAttribute('aria-checked', String(id === mode));
      button.tabIndex = id === mode ? 0 : -1;
      if (id === mode) {
        const strip = button.parentElement;
        strip?.scrollTo?.({ left: button.offsetLeft - strip.clientWidth / 2 + button.clientWidth / 2 });
      }
    }
  }

  enableMode(id, isPossible, reason) {
    const button = this.#modes.get(id);
    button.classList.toggle('is-missing', !isPossible);
    button.setAttribute('aria-disabled', String(!isPossible));
    const { label, hint } = MODES.find((mode) => mode.id === id);
    button.title = isPossible ? `${label}: ${hint}` : `${label}: ${reason}`;
  }

  press(id, isOn) {
    const button = this.#actions.get(id);
    button.setAttribute('aria-pressed', String(isOn));
    if (id === 'pause') button.replaceChildren(icon(isOn ? 'play' : 'pause'));
  }
}
