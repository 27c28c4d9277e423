// What is looked at: the server's sources, this device's camera, or one of its screens.

import { canUseCamera, listCameras, startCamera } from '../capture/camera.js';
import { explain } from '../capture/media.js';
import { canShareScreen, startScreen } from '../capture/screen.js';
import { h } from './dom.js';
import { icon } from './icons.js';

const KIND = {
  film: 'film', recording: 'recording', image: 'photo', test: 'test pattern', camera: 'camera', screen: 'screen',
  together: 'in one cloud',
};

export class Source {
  running = null;
  /** Films and is sent nothing back. */
  isCameraOnly = false;
  #list = h('div', { class: 'sources', role: 'radiogroup', 'aria-label': 'Source' });
  #cameras = h('select', { 'aria-label': 'Which camera', hidden: true });
  #buttons;
  #note;
  #uploader;
  #notices;
  #onRole;
  #facing = 'user';
  #awake = null;

  constructor({ uploader, notices, onChoose, onRole, onInvite }) {
    this.#uploader = uploader;
    this.#notices = notices;
    this.#onRole = onRole;
    this.onChoose = onChoose;
    const button = (name, text, onclick) => h('button', { type: 'button', class: 'quiet', onclick }, icon(name), h('span', {}, text));
    this.camera = button('camera', 'Camera', () => this.toggle('camera'));
    this.screen = button('screen', 'Screen', () => this.toggle('screen'));
    this.flip = button('flip', 'Other camera', () => this.turn());
    this.flip.hidden = true;
    this.#buttons = h('div', { class: 'buttons' }, this.camera, canShareScreen() && this.screen, this.flip, button('phone', 'Add a phone', onInvite));
    this.#note = h('p', { class: 'note', hidden: true });
    this.#cameras.addEventListener('change', () => this.restart({ id: this.#cameras.value }));
    this.element = h('div', { class: 'source' }, this.#list, this.#buttons, this.#cameras, this.#note);
    if (!canUseCamera()) {
      this.camera.disabled = true;
      this.#note.hidden = false;
      this.#note.textContent = window.isSecureContext
        ? 'This browser gives no access to cameras.'
        : 'Browsers lend cameras to https pages only: start the server with --tls and open the address it prints.';
    }
  }

  show(sources) {
    const rows = sources.map(({ id, name, kind, width, height, is_active: isActive, unavailable }) =>
      h(
        'button',
        {
          type: 'button', role: 'radio', class: 'source-row', 'aria-checked': String(Boolean(isActive)), disabled: Boolean(unavailable),
          onclick: () => this.onChoose(id),
        },
        h('span', { class: 'name' }, name),
        h('span', { class: 'kind' }, unavailable ?? [KIND[kind] ?? kind, width && height ? `${width} × ${height}` : null].filter(Boolean).join(', ')),
      ));
    this.#list.replaceChildren(...rows);
    this.#list.hidden = rows.length === 0;
  }

  async toggle(kind) {
    const was = this.running?.kind;
    this.stop();
    if (was !== kind) await this.start(kind);
  }

  async turn() {
    this.#facing = this.#facing === 'user' ? 'environment' : 'user';
    await this.restart({ facing: this.#facing });
  }

  async restart(which) {
    this.stop();
    await this.start('camera', which);
  }

  async start(kind, which = { facing: this.#facing }) {
    try {
      const onEnd = () => this.#ended(running);
      var running = kind === 'screen' ? await startScreen(this.#uploader, onEnd) : await startCamera(this.#uploader, which, onEnd);
    } catch (error) {
      const { title, hint } = explain(error, kind);
      this.#notices.error(title, hint);
      return;
    }
    this.running = running;
    this.#paint();
    this.#say();
    this.#stayAwake();
    if (kind === 'camera') this.#listCameras(running.stream.getVideoTracks()[0].getSettings().deviceId);
  }

  #say() {
    const { name, kind } = this.running;
    this.#onRole({ role: this.isCameraOnly ? 'camera' : 'both', name, kind });
  }

  /** What it films comes back to this page too. */
  watch() {
    this.isCameraOnly = false;
    if (this.running) this.#say();
  }

  /** A phone that sleeps films nothing. */
  async #stayAwake() {
    const { running } = this;
    const lock = await navigator.wakeLock?.request('screen').catch(() => null);
    if (this.running === running) this.#awake = lock;
    else lock?.release();
  }

  async #listCameras(current) {
    const cameras = await listCameras();
    this.#cameras.replaceChildren(...cameras.map(({ id, label }, i) => h('option', { value: id }, label || `Camera ${i + 1}`)));
    this.#cameras.value = current ?? '';
    this.#cameras.hidden = cameras.length < 2;
    this.flip.hidden = cameras.length < 2 || !matchMedia('(pointer: coarse)').matches;
  }

  stop() {
    this.running?.stop();
  }

  #ended(running) {
    if (this.running !== running) return;
    this.running = null;
    this.isCameraOnly = false;
    this.#awake?.release();
    this.#awake = null;
    this.#cameras.hidden = this.flip.hidden = true;
    this.#uploader.reset();
    this.#paint();
    this.#onRole({ role: 'viewer' });
  }

  #paint() {
    const kind = this.running?.kind;
    this.camera.querySelector('span').textContent = kind === 'camera' ? 'Stop camera' : 'Camera';
    this.screen.querySelector('span').textContent = kind === 'screen' ? 'Stop screen' : 'Screen';
    this.camera.classList.toggle('is-on', kind === 'camera');
    this.screen.classList.toggle('is-on', kind === 'screen');
  }
}
