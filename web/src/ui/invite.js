// "Add a phone": an address that another device can reach, as a QR code, and what that device is to be.

import { h } from './dom.js';
import { icon } from './icons.js';

const ROLES = [
  { id: 'both', label: 'Camera and view', hint: 'It films, and sees the result.' },
  { id: 'camera', label: 'Camera', hint: 'It films only, which spares its battery.' },
  { id: 'viewer', label: 'View', hint: 'It shows what this page shows.' },
];

export class Invite {
  #base;
  #role = 'both';
  #asked = 0;
  #content = h('div', { class: 'invite-content', 'aria-live': 'polite' });
  #roles;

  constructor(base) {
    this.#base = base;
    this.#roles = ROLES.map(({ id, label }) => {
      const input = h('input', { type: 'radio', name: 'role', value: id, checked: id === this.#role, onchange: () => this.#choose(id) });
      return h('label', { class: 'segment' }, input, h('span', {}, label));
    });
    this.element = h(
      'dialog',
      { class: 'help invite', 'aria-labelledby': 'invite-title', onclick: (event) => event.target === this.element && this.close() },
      h('div', { class: 'help-body' },
        h('header', {}, h('h1', { id: 'invite-title' }, 'Add a phone'),
          h('button', { type: 'button', class: 'action small', 'aria-label': 'Close', onclick: () => this.close() }, icon('close'))),
        h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'What it is to be' }, ...this.#roles),
        this.#content),
    );
  }

  get isOpen() {
    return this.element.open;
  }

  open() {
    this.#content.replaceChildren();
    this.element.showModal();
    this.#choose(this.#role);
  }

  close() {
    this.element.close();
  }

  async #choose(role) {
    this.#role = role;
    const turn = ++this.#asked;
    const address = new URL('invite', this.#base);
    address.search = new URLSearchParams({ role, page: this.#base.href });
    let found;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      found = await answer.json();
    } catch (error) {
      found = { error: error.message };
    }
    if (turn === this.#asked) this.#show(found);
  }

  #show({ url, code, command, fingerprint, is_secure: isSecure, error }) {
    for (const segment of this.#roles) {
      const input = segment.firstChild;
      input.disabled = Boolean(url) && !isSecure && input.value !== 'viewer';
    }
    if (url && !isSecure && this.#role !== 'viewer') {
      this.#roles.at(-1).firstChild.checked = true;
      this.#choose('viewer');
      return;
    }
    const line = (text) => h('p', { class: 'note' }, text);
    if (error) this.#content.replaceChildren(line(`That did not work: ${error}.`));
    else if (!url) {
      this.#content.replaceChildren(
        h('p', {}, 'This server listens to this computer only. To let phones in, start it again with'),
        h('code', {}, command),
        line('and scan the code that is then shown here, or in the terminal. The phone has to be in the same network.'),
      );
    } else {
      this.#content.replaceChildren(
        h('img', { class: 'code', src: code, alt: 'QR code of the address below', width: 232, height: 232 }),
        h('p', {}, ROLES.find(({ id }) => id === this.#role).hint),
        h('a', { class: 'address', href: url, target: '_blank', rel: 'noopener' }, url),
        ...[
          !isSecure && line('Browsers lend cameras to https pages only: start the server with --tls to have the phone film.'),
          fingerprint && line(`The phone asks once about this server’s own certificate; its SHA-256 begins ${fingerprint.slice(0, 23)}.`),
          line('Who has this address sees what you see: it holds the key.'),
        ].filter(Boolean),
      );
    }
  }
}
