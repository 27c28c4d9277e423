// Into a headset and out of it: which kind, what keeps one from it, and what its trigger does.

import { GEOMETRIES } from '../views/gallery.js';
import { HeadsetView, headsets } from '../views/xr.js';

const WHY_NOT = { insecure: 'needs https (--tls)', browser: 'not in this browser', device: 'none is connected' };

export class Headset {
  #parts;
  #view;

  constructor({ stage, stream, gallery, look, dock, notices }) {
    this.#parts = { stage, stream, gallery, look, dock, notices };
    this.#view = new HeadsetView(stage, { onSelect: () => this.#next(), onEnd: () => this.#ended() });
  }

  get isOn() {
    return this.#view.session !== null;
  }

  /** Say beforehand where there is none. */
  async offer() {
    const { reason } = await headsets();
    this.#parts.dock.enableMode('headset', !reason, WHY_NOT[reason]);
  }

  /** Ask which kind where there are two, and enter. */
  async begin() {
    const { vr, ar } = await headsets();
    if (vr && ar) this.#ask();
    else await this.enter();
  }

  #ask() {
    const { notices } = this.#parts;
    const enter = (kind) => () => {
      notices.show(null);
      this.enter(kind);
    };
    notices.show('headset', {
      title: 'Into the headset',
      text: 'The stick turns and moves, with the grip it changes the size; the trigger changes the view.',
      buttons: [
        { label: 'Around me', isMain: true, onclick: enter('immersive-vr') },
        { label: 'In my room', onclick: enter('immersive-ar') },
        { label: 'Cancel', onclick: () => notices.show(null) },
      ],
    });
  }

  /** `kind`: 'immersive-vr', 'immersive-ar', or whichever there is. Must come from a click or a key. */
  async enter(kind) {
    const { stage, stream, look, dock, notices } = this.#parts;
    const { vr, reason } = await headsets();
    if (reason === 'insecure') {
      notices.say('A headset needs https', 'Start the server with --tls and open the address it prints in the headset’s browser.');
    } else if (reason) {
      notices.say('No headset here', 'Open this page in the browser of the headset, or connect one to this computer.');
    } else {
      try {
        await this.#view.enter(kind ?? (vr ? 'immersive-vr' : 'immersive-ar'));
        stage.place(stream);
        look.arrange();
        dock.choose('headset');
      } catch (error) {
        notices.error('The headset did not start', error.message);
      }
    }
  }

  toggle() {
    return this.isOn ? this.#view.leave() : this.enter();
  }

  /** Move by its sticks. */
  advance(seconds) {
    const { stage, stream } = this.#parts;
    if (!this.isOn) return;
    this.#view.advance(seconds);
    stage.place(stream);
  }

  #next() {
    const { gallery, look } = this.#parts;
    gallery.geometry = GEOMETRIES[(GEOMETRIES.indexOf(gallery.geometry) + 1) % GEOMETRIES.length];
    look.arrange();
  }

  #ended() {
    const { stage, stream, gallery, look } = this.#parts;
    look.setBackground();
    stage.resize();
    stage.place(stream);
    look.choose(gallery.geometry);
  }
}
