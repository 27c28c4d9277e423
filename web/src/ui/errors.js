// What went wrong and what to do about it: small notices that go, and a card that stays until it is solved.

import { h } from './dom.js';
import { icon } from './icons.js';

const STAYS = 6000; // ms

export class Notices {
  #list = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });
  #card = h('div', { class: 'card glass', role: 'alert', hidden: true });
  #shown = '';

  constructor() {
    this.element = h('div', { class: 'messages' }, this.#list, this.#card);
  }

  /** A notice for some seconds, or until it is closed. It takes the place of one with the same words, or the same `key`. */
  say(title, hint = '', { kind = 'info', action = null, stays = Boolean(action), key = `${title} ${hint}` } = {}) {
    for (const old of this.#list.children) if (old.dataset.key === key) old.remove();
    const remove = () => notice.remove();
    const notice = h(
      'div',
      { class: `notice glass ${kind}` },
      h('div', {}, h('strong', {}, title), hint && h('p', {}, hint), action),
      h('button', { type: 'button', class: 'action small', 'aria-label': 'Close', onclick: remove }, icon('close')),
    );
    notice.dataset.key = key;
    this.#list.append(notice);
    while (this.#list.children.length > 3) this.#list.firstChild.remove();
    if (!stays) setTimeout(remove, kind === 'error' ? 2 * STAYS : STAYS);
    return notice;
  }

  error(title, hint, more = {}) {
    return this.say(title, hint, { kind: 'error', ...more });
  }

  /** A card in the middle that stays; null takes it away. */
  show(key, { title, text, command, buttons = [], isBusy = false } = {}) {
    if (key === this.#shown) return;
    this.#shown = key;
    this.#card.hidden = key === null;
    if (key === null) return;
    this.#card.replaceChildren(
      ...[
        isBusy && h('div', { class: 'busy', 'aria-hidden': 'true' }),
        h('h1', {}, title),
        text && h('p', {}, text),
        command && h('code', {}, command),
        buttons.length > 0 && h('div', { class: 'buttons' },
          ...buttons.map(({ label, onclick, isMain }) => h('button', { type: 'button', class: isMain ? 'main' : 'quiet', onclick }, label))),
      ].filter(Boolean),
    );
  }

  get shown() {
    return this.#shown;
  }
}
