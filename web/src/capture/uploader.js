// Pictures of a camera or a screen to the server: JPEG, two on the way at most, the newest only.

import { encodeCapture } from '../protocol.js';

const QUALITY = 0.8;
const WINDOW = 2;
const PENDING = 1 << 20; // bytes not yet on the wire: the line is slower than the camera
const LOST_AFTER = 5000; // ms without an answer: the window opens again

export class Uploader {
  sent = 0;
  answered = 0;
  bytes = 0;
  side = 1280;
  #connection;
  #canvas = null;
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

  /** A picture (video element or VideoFrame) of `width` x `height`, taken at `here` ms of this page's clock. */
  async push(picture, width, height, here = performance.now()) {
    if (!this.isFree || this.#connection.state !== 'open' || !width) return false;
    this.#isEncoding = true;
    try {
      const scale = Math.min(1, this.side / Math.max(width, height));
      const [w, h] = [width, height].map((side) => Math.max(2, Math.round(side * scale)));
      if (this.#canvas?.width !== w || this.#canvas?.height !== h) this.#canvas = new OffscreenCanvas(w, h);
      this.#canvas.getContext('2d', { alpha: false }).drawImage(picture, 0, 0, w, h);
      const blob = await this.#canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
      const jpeg = new Uint8Array(await blob.arrayBuffer());
      const sequence = this.#sequence++;
      const time = this.#connection.clock.now(here * 1000);
      this.#connection.sendBinary(encodeCapture({ jpeg, width: w, height: h, sequence, time }));
      this.#open.set(sequence, performance.now());
      this.sent++;
      this.bytes += jpeg.byteLength;
    } finally {
      this.#isEncoding = false;
    }
    return true;
  }

  acknowledge(sequence) {
    if (this.#open.delete(sequence)) this.answered++;
  }

  reset() {
    this.#open.clear();
  }
}
