// The newest message to the worker, one at a time: what comes while it works replaces what waits.

/** Calls `onDecoded({head, content, milliseconds, received})`, `onDropped(sequence)` and `onError(message)`. */
export class Decoder {
  #worker;
  #busy = false;
  #waiting = new Map(); // one slot per kind and source
  #number = 0;
  #received = 0;
  #sequence = 0;

  constructor({ onDecoded, onDropped, onError }) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => {
      const [received, sequence] = [this.#received, this.#sequence];
      this.#busy = false;
      this.#next();
      if (data.error) {
        onDropped(sequence);
        onError(data.error);
      } else onDecoded({ ...data, received });
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      onError(`the decoder stopped: ${event.message ?? 'it could not be loaded'}`);
    };
    this.onDropped = onDropped;
  }

  push(buffer) {
    const [kind, source, sequence] = peek(buffer);
    const slot = `${kind} ${source}`;
    const old = this.#waiting.get(slot);
    if (old) this.onDropped(old.sequence);
    this.#waiting.set(slot, { buffer, sequence, received: performance.now() });
    this.#next();
  }

  #next() {
    if (this.#busy || this.#waiting.size === 0) return;
    const [slot, { buffer, sequence, received }] = this.#waiting.entries().next().value;
    this.#waiting.delete(slot);
    this.#busy = true;
    this.#received = received;
    this.#sequence = sequence;
    this.#worker.postMessage({ id: this.#number++, buffer }, [buffer]);
  }
}

function peek(buffer) {
  if (buffer.byteLength < 16) return [0, 0, 0];
  const view = new DataView(buffer);
  return [view.getUint8(5), view.getUint16(8, true), view.getUint32(12, true)];
}
