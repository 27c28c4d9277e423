// The low-bandwidth tier: two films instead of pictures with depth. What comes out is what the other decoder makes.

import { Kind } from '../protocol.js';

// The words of `hello` for what a film is made of, and what a browser calls that.
const CODECS = { h264: 'avc1.640016', 'h264-10': 'avc1.6E0016', 'av1-10': 'av01.0.04M.10' };
const SIZE = { codedWidth: 504, codedHeight: 504 };
const MOST_FAILURES = 3; // of the decoders,
const FORGIVEN = 10_000; // within so many ms, before the films are given up

/** Which films this browser can decode. None where the page is not secure: there it has no decoders. */
export async function decodable() {
  if (typeof VideoDecoder === 'undefined') return [];
  const found = await Promise.all(Object.entries(CODECS).map(async ([name, codec]) => {
    const { supported } = await VideoDecoder.isConfigSupported({ codec, ...SIZE }).catch(() => ({ supported: false }));
    return supported ? [name] : [];
  }));
  return found.flat();
}

/** Whether this browser would rather save data. */
export const savesData = () => navigator.connection?.saveData === true;

/** Whether a message is a frame of film. */
export function isVideo(buffer) {
  return buffer.byteLength > 5 && [Kind.VIDEO_RGB, Kind.VIDEO_DEPTH].includes(new Uint8Array(buffer, 5, 1)[0]);
}

/**
 * Calls `onDecoded({head, content, milliseconds, received})` and `onDropped(sequence)` as `Decoder` does; `onLost()`: a
 * frame to begin with is needed; `onUnable(reason)`, once: this browser cannot show films after all.
 */
export class VideoDecoding {
  #worker = null;
  #received = new Map(); // when the first packet of a sequence came
  #failures = [];
  #isGivenUp = false;
  #calls;

  constructor({ onDecoded, onDropped, onLost, onUnable }) {
    this.#calls = { onDecoded, onDropped, onLost, onUnable };
  }

  push(buffer) {
    const sequence = buffer.byteLength < 16 ? 0 : new DataView(buffer).getUint32(12, true);
    if (this.#isGivenUp) {
      this.#calls.onDropped(sequence);
      return;
    }
    this.#worker ??= this.#begin();
    if (!this.#received.has(sequence)) this.#received.set(sequence, performance.now());
    this.#worker.postMessage(buffer, [buffer]);
  }

  #begin() {
    const worker = new Worker(new URL('./video_worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#giveUp(event.message ?? 'its decoder could not be loaded');
    };
    return worker;
  }

  #hear(data) {
    if (data.head) this.#calls.onDecoded({ ...data, received: this.#take(data.head.sequence) });
    else if ('dropped' in data) {
      this.#take(data.dropped);
      this.#calls.onDropped(data.dropped);
    } else if (data.unable) this.#giveUp(data.unable);
    else this.#fail(data.failed);
  }

  #take(sequence) {
    const received = this.#received.get(sequence) ?? performance.now();
    this.#received.delete(sequence);
    return received;
  }

  #fail(reason) {
    if (this.#isGivenUp) return;
    const now = performance.now();
    this.#failures = [...this.#failures.filter((when) => now - when < FORGIVEN), now];
    if (this.#failures.length >= MOST_FAILURES) this.#giveUp(reason);
    else this.#calls.onLost();
  }

  #giveUp(reason) {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    for (const sequence of this.#received.keys()) this.#calls.onDropped(sequence);
    this.#received.clear();
    this.#worker?.terminate();
    this.#calls.onUnable(reason);
  }
}
