// Pictures of a camera or a screen to the server: JPEG, two on the way at most, the newest only.

import { encodeCapture } from '../protocol.js';
import { Pacing } from './pacing.js';

const WINDOW = 2;
const PENDING = 1 << 20; // bytes not yet on the wire: the line is slower than the camera
const SMOOTH = 0.9;
const LOST_AFTER = 5000; // ms without an answer: the window opens again

export class Uploader {
  pacing = new Pacing();
  sent = 0;
  answered = 0;
  bytes = 0;
  side = 1280;
  /** From a picture's moment until it is on its way, ms of late; null before the first. */
  milliseconds = null;
  #connection;
  #worker = null;
  #open = new Map();
  #sequence = 0;
  #isEncoding = false;

  constructor(connection) {
    this.#connection = connection;
  }

  get isFree() {
    const now = performance.now();
    for (const [sequence, since] of this.#open) if (now - since > LOST_AFTER) this.#open.delete(sequence);
    return !this.#isEncoding && this.#open.size < WINDOW && this.#connection.pending < PENDING;
  }

  /** A picture (video element, or a VideoFrame, which is used up) of `width` x `height`, taken at `here` ms of this page's clock. */
  async push(picture, width, height, here = performance.now()) {
    if (!this.isFree || !this.pacing.isDue(here) || this.#connection.state !== 'open' || !width) return false;
    this.pacing.note(here);
    this.#isEncoding = true;
    try {
      const scale = Math.min(1, this.side / Math.max(width, height));
      const [w, h] = [width, height].map((side) => Math.max(2, Math.round(side * scale)));
      const jpeg = await this.#encoded(picture.close ? picture : await createImageBitmap(picture), w, h);
      const sequence = this.#sequence++;
      const time = this.#connection.clock.now(here * 1000);
      this.#connection.sendBinary(encodeCapture({ jpeg, width: w, height: h, sequence, time }));
      const now = performance.now();
      this.#open.set(sequence, now);
      this.milliseconds = SMOOTH * (this.milliseconds ?? now - here) + (1 - SMOOTH) * (now - here);
      this.sent++;
      this.bytes += jpeg.byteLength;
    } finally {
      this.#isEncoding = false;
    }
    return true;
  }

  /** One at a time: `isFree` sees to that. */
  #encoded(picture, width, height) {
    this.#worker ??= new Worker(new URL('./encode.js', import.meta.url), { type: 'module' });
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(new Uint8Array(data.jpeg)));
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`pictures cannot be packed: ${event.message ?? 'the worker could not be loaded'}`));
      };
      this.#worker.postMessage({ picture, width, height }, [picture]);
    });
  }

  acknowledge(sequence) {
    if (this.#open.delete(sequence)) this.answered++;
  }

  reset() {
    this.#open.clear();
  }
}
