// What kind of packets the line to the server bears: exact depth, or films, where this browser can show them.

import { decodable, savesData } from '../decode/video.js';

export class Tier {
  #parts;
  #codecs = [];
  #chosen = 'auto';

  constructor({ state, connection, notices }) {
    this.#parts = { state, connection, notices };
  }

  /** Find out what this browser can decode; before the first `hello`. */
  async ask() {
    this.#codecs = await decodable();
  }

  /** What `hello` says of it. */
  get hello() {
    return { codecs: this.#codecs, save_data: savesData() };
  }

  get #canShow() {
    return this.#codecs.includes('h264') && this.#codecs.some((codec) => codec.endsWith('-10'));
  }

  /** The setting of the server: where films are asked for and cannot be had, say so. */
  adopt(chosen = 'auto') {
    const isNews = chosen !== this.#chosen;
    this.#chosen = chosen;
    if (!isNews || chosen !== 'video') return;
    const { state, notices } = this.#parts;
    if (!(state.hello?.tiers ?? []).includes('video')) {
      notices.say('This server makes no film', 'It lacks the encoders: depth comes exactly, as before.');
    } else if (!window.isSecureContext) {
      notices.say('Film needs https', 'Depth comes exactly, as before. Start the server with --tls for film.');
    } else if (!this.#canShow) {
      notices.say('This browser cannot show film of depth', 'It comes exactly, as before.');
    }
  }

  /** A frame could not be decoded. */
  lost() {
    this.#parts.connection.send({ t: 'key_frame' });
  }

  /** This browser cannot show films after all. */
  giveUp(reason) {
    const { connection, notices } = this.#parts;
    this.#codecs = [];
    connection.send({ t: 'want', kind: 'rgbd', codecs: [] });
    notices.say('This browser cannot show film of depth', `It comes exactly from now on: ${reason}.`);
  }
}
