// Blocks of a packet -> typed arrays. Pure: runs in the decoding worker and in the tests alike.

import { DepthCodec, ProtocolError, SplatCodec } from '../protocol.js';

const PADDING = 16;

/**
 * Inflate raw deflate (no zlib header) that holds `size` bytes; up to 15 zeros may follow it.
 * The browser's decompressor drops what it has when it meets such padding, so the last bytes go in one by one.
 */
export async function inflate(bytes, size) {
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const out = new Uint8Array(size);
  let filled = 0;
  let failure = null;
  const note = (error) => {
    failure ??= error;
    reader.cancel().catch(() => {}); // else a writer would wait for ever
  };
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (filled + value.length > size) throw new ProtocolError(`a block holds more than its ${size} bytes`);
      out.set(value, filled);
      filled += value.length;
    }
  })().catch(note);
  const tail = Math.max(0, bytes.length - PADDING);
  try {
    await writer.write(bytes.subarray(0, tail));
    for (let i = tail; i < bytes.length && !failure; i++) await writer.write(bytes.subarray(i, i + 1));
    await writer.close();
  } catch (error) {
    note(error);
  }
  await reading;
  if (failure instanceof ProtocolError) throw failure;
  if (filled !== size) throw new ProtocolError(`a damaged block: ${filled} bytes came out of it, ${size} were needed`);
  return out;
}

/**
 * Undo horizontal delta, zig-zag and byte planes.
 * @param {Uint8Array} planes all low bytes, then all high bytes
 * @returns {Uint16Array} (height * width) integers of inverse depth, 0 where nothing was measured
 */
export function undelta(planes, width, height) {
  const pixels = width * height;
  const out = new Uint16Array(pixels);
  let first = 0; // the row above's first value
  for (let row = 0; row < height; row++) {
    let value = first;
    const start = row * width;
    for (let i = start; i < start + width; i++) {
      const zigzag = planes[i] | (planes[pixels + i] << 8);
      value = (value + ((zigzag >>> 1) ^ -(zigzag & 1))) & 0xffff;
      out[i] = value;
    }
    first = out[start];
  }
  return out;
}

/** Depth integers of an RGBD packet. */
export async function unpackDepth(packet) {
  const { width, height, depthCodec, depth } = packet.extension;
  const block = packet.payload.subarray(...depth);
  if (depthCodec === DepthCodec.RAW16) {
    const out = new Uint16Array(width * height);
    new Uint8Array(out.buffer).set(block);
    return out;
  }
  return undelta(await inflate(block, 2 * width * height), width, height);
}

/** Undo the byte planes and the row deltas of packed splats; see docs/protocol.md. */
export async function unpackSplats(packet) {
  const { codec, plainBytes } = packet.extension;
  if (codec === SplatCodec.PLAIN) return packet.payload;
  const planes = await inflate(packet.payload, plainBytes);
  const splats = plainBytes / 16;
  const out = new Uint8Array(plainBytes);
  for (let field = 0; field < 16; field++) {
    let value = 0;
    for (let i = 0; i < splats; i++) {
      value = (value + planes[field * splats + i]) & 255;
      out[i * 16 + field] = value;
    }
  }
  return out;
}

const QUANTILES = 101;

/**
 * Where depth lies: `QUANTILES` values of q, evenly spaced from the nearest pixel to the farthest.
 * Every pixel of a coarse grid counts once; invalid ones (q = 0) do not count.
 * @returns {Float32Array | null} null where no pixel is valid
 */
export function quantiles(depth, width, height, levels) {
  const shift = levels > 4095 ? 4 : 0;
  const counts = new Uint32Array(4096);
  const step = Math.max(1, Math.round(Math.sqrt((width * height) / 20000)));
  let total = 0;
  for (let row = 0; row < height; row += step) {
    for (let i = row * width; i < (row + 1) * width; i += step) {
      if (depth[i] === 0) continue;
      counts[Math.min(4095, depth[i] >>> shift)]++;
      total++;
    }
  }
  if (total === 0) return null;
  const out = new Float32Array(QUANTILES);
  let bin = 4095;
  let passed = 0; // pixels nearer than `bin`: a large q is near
  for (let k = 0; k < QUANTILES; k++) {
    const target = (k / (QUANTILES - 1)) * (total - 1);
    while (passed + counts[bin] <= target && bin > 0) passed += counts[bin--];
    out[k] = Math.max(1, (bin + 0.5) * (1 << shift));
  }
  return out;
}
