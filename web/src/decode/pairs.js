// Films of colour and depth: which frames belong together, and depth from luma. Pure: runs in the worker and in tests.

export const LEVELS = 65535; // as many as RGBD packets have at most: codes are not evenly spaced
const CODES = 1024;

let table = { farCode: 0, nearCode: 0, whole: null };

/**
 * Luma of 10 bits -> integers as those of RGBD packets.
 * @param {Uint16Array} luma at least as long as `out`
 * @param {{farCode: number, nearCode: number}} codes
 * @param {Uint16Array} out 0 where nothing was measured, else 1 (farthest) to `LEVELS`
 */
export function wholeOf(luma, { farCode, nearCode }, out) {
  if (table.farCode !== farCode || table.nearCode !== nearCode) {
    const whole = Uint16Array.from({ length: CODES }, (_, code) => {
      if (code < farCode / 2) return 0; // what is coded as 0 comes back as about 0
      const root = Math.min(1, Math.max(0, (code - farCode) / (nearCode - farCode)));
      return 1 + Math.round(root * root * (LEVELS - 1));
    });
    table = { farCode, nearCode, whole };
  }
  const { whole } = table;
  for (let i = 0; i < out.length; i++) out[i] = whole[luma[i] & (CODES - 1)];
  return out;
}

/** What the rest of the page sees of a pair: the head of a packet with picture and depth. */
export function headOf(colour, depth, kind) {
  const { width, height, fx, fy, cx, cy, near, far, worldFromCamera } = depth.extension;
  return {
    kind, flags: depth.flags, source: depth.source, sequence: depth.sequence, time: depth.time,
    bytes: colour.bytes + depth.bytes,
    extension: { width, height, fx, fy, cx, cy, near, far, levels: LEVELS, worldFromCamera, isLossy: true },
  };
}

/**
 * Puts halves that carry the same sequence together. Before a frame that needs no other one nothing is waited for.
 * Calls `onPair(sequence, colour, depth)` and `onLost(sequence, half)`, of which `half` is the one that came, or null.
 */
export class Pairs {
  #waiting = new Map();

  constructor({ onPair, onLost }) {
    this.onPair = onPair;
    this.onLost = onLost;
  }

  /** A packet of this sequence is there, to be decoded. */
  expect(sequence) {
    if (!this.#waiting.has(sequence)) this.#waiting.set(sequence, {});
  }

  /** `which`: 'colour' or 'depth'. */
  put(sequence, which, frame) {
    const pair = this.#waiting.get(sequence);
    if (!pair) {
      this.onLost(null, frame);
      return;
    }
    pair[which] = frame;
    if (!pair.colour || !pair.depth) return;
    // Decoders keep the order: what is older and not whole by now never will be.
    for (const older of [...this.#waiting.keys()]) {
      if (older === sequence) break;
      this.#lose(older);
    }
    this.#waiting.delete(sequence);
    this.onPair(sequence, pair.colour, pair.depth);
  }

  /** One half of it will not come. */
  drop(sequence) {
    if (this.#waiting.has(sequence)) this.#lose(sequence);
  }

  clear() {
    for (const sequence of [...this.#waiting.keys()]) this.#lose(sequence);
  }

  #lose(sequence) {
    const pair = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    this.onLost(sequence, pair.colour ?? pair.depth ?? null);
  }
}
