// Captures of high quality: asked for, reported, and held beside the stream, which goes on.

import { h } from '../ui/dom.js';

export class Captures {
  #parts;

  constructor({ connection, gallery, beside, look, notices, canvas }) {
    this.#parts = { connection, gallery, beside, look, notices, canvas };
  }

  get isShown() {
    return this.#parts.gallery.beside.isShown;
  }

  ask() {
    this.#parts.connection.send({ t: 'capture', quality: 'high' });
  }

  /** How far the server is with one: a `capture` message. */
  hear({ state: step, progress, url, msg }) {
    const { beside, notices } = this.#parts;
    const key = 'capture'; // one notice, from beginning to end
    if (step === 'failed') notices.error('The capture failed', msg ?? 'The server gives no reason.', { key });
    else if (step === 'done') {
      const address = url && new URL(url, location.href).href;
      beside.tell({ by: msg, url: address });
      const action = address && h('a', { href: address, download: '' }, 'Save the file');
      notices.say('Captured in high quality', msg ?? '', { action, key });
    } else notices.say(`Capturing… ${Math.round(100 * (progress ?? 0))} %`, msg ?? '', { key });
  }

  /** Show a decoded packet of a capture. */
  pin(packet) {
    const { gallery, beside, look } = this.#parts;
    gallery.beside.show(packet);
    beside.tell({});
    look.arrange();
  }

  unpin() {
    const { gallery, look, canvas } = this.#parts;
    gallery.beside.close();
    look.arrange();
    canvas.focus();
  }
}
