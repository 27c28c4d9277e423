// Settings that are told to the server, for all who watch, and those that it or another viewer has changed.

import { fit } from '../settings.js';

const TOLD_AFTER = 150; // ms: a slider that moves is told once

/** Calls `action(key, value)` when a key's value has not changed for `after` ms. */
export function later(action, after = TOLD_AFTER) {
  const timers = new Map();
  return (key, value) => {
    clearTimeout(timers.get(key));
    timers.set(key, setTimeout(() => action(key, value), after));
  };
}

export class Sharing {
  #settings;
  #isPinned;
  #last = {};

  /** `tell(path, value)` sets something on the server; `isPinned(key)`: the page's address has set this one, it stays. */
  constructor({ settings, tell, isPinned = () => false }) {
    this.#settings = settings;
    this.#isPinned = isPinned;
    settings.onChange((key, value, { origin }) => {
      if (origin !== 'user' || !settings.get('share')) return;
      const told = key === 'share' ? Object.keys(settings.values) : [key];
      for (const name of told.filter((each) => each !== 'share')) tell(`view.${name}`, settings.get(name));
    });
  }

  /** Take over what has changed in `view` of the server's settings, once: what a person sets here stays. */
  adopt(view = {}) {
    for (const [key, value] of Object.entries(view)) {
      const isNews = key !== 'share' && this.#last[key] !== value && fit(key, value) !== undefined;
      if (isNews && !this.#isPinned(key)) this.#settings.set(key, value, 'server');
    }
    this.#last = { ...view };
  }
}
