// Decodes the films of the low-bandwidth tier off the main thread: every frame of them, in order, since each needs the last.

import { Kind, decodePacket } from '../protocol.js';
import { Pairs, headOf, wholeOf } from './pairs.js';
import { quantiles } from './unpack.js';

const DEPTH_FORMAT = 'I420P10';
const WHICH = { [Kind.VIDEO_RGB]: 'colour', [Kind.VIDEO_DEPTH]: 'depth' };

/** One film. Calls `onFrame(sequence, {frame, packet})` and `onError(error)`. */
class Track {
  #decoder = null;
  #key = '';
  #packets = new Map(); // by timestamp
  #count = 0;

  constructor(settings, { onFrame, onError }) {
    this.settings = settings;
    this.onFrame = onFrame;
    this.onError = onError;
  }

  /** False: it needs a frame to begin with. */
  decode(packet) {
    const { codec, width, height, bytes } = packet.extension;
    const key = `${codec} ${width} ${height}`;
    const { independent } = packet.flags;
    if (!independent && (this.#key !== key || this.#decoder?.state !== 'configured')) return false;
    if (independent && (this.#key !== key || this.#decoder?.state !== 'configured')) this.#begin(key, codec, width, height);
    const timestamp = this.#count++;
    this.#packets.set(timestamp, packet);
    this.#decoder.decode(new EncodedVideoChunk({
      type: independent ? 'key' : 'delta', timestamp, data: packet.payload.subarray(0, bytes),
    }));
    return true;
  }

  #begin(key, codec, codedWidth, codedHeight) {
    this.close();
    const decoder = new VideoDecoder({
      output: (frame) => {
        const packet = this.#packets.get(frame.timestamp);
        this.#packets.delete(frame.timestamp);
        if (packet) this.onFrame(packet.sequence, { frame, packet });
        else frame.close();
      },
      error: (error) => {
        if (this.#decoder === decoder) this.onError(error);
      },
    });
    decoder.configure({ codec, codedWidth, codedHeight, optimizeForLatency: true, ...this.settings });
    this.#decoder = decoder;
    this.#key = key;
  }

  close() {
    const decoder = this.#decoder;
    this.#decoder = null;
    this.#key = '';
    this.#packets.clear();
    if (decoder && decoder.state !== 'closed') decoder.close();
  }
}

const pairs = new Pairs({
  onPair: (sequence, colour, depth) => {
    const begun = performance.now();
    // One after the other: `copyTo` takes its time, and pictures must not overtake each other.
    showing = showing.then(() => show(sequence, colour, depth, begun)).catch(fail);
  },
  onLost: (sequence, half) => {
    half?.frame.close();
    if (sequence !== null) self.postMessage({ dropped: sequence });
  },
});
const handlers = (which) => ({ onFrame: (sequence, decoded) => pairs.put(sequence, which, decoded), onError: fail });
const tracks = {
  colour: new Track({}, handlers('colour')),
  depth: new Track({ hardwareAcceleration: 'prefer-software' }, handlers('depth')), // whose samples can be read
};
let showing = Promise.resolve();
let scratch = new Uint8Array(0);

/** The picture of a frame; by way of memory where that can be, since a graphics card that is busy lets films wait. */
async function pictureOf(frame) {
  const options = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };
  const { width, height } = frame.visibleRect;
  const pixels = new Uint8ClampedArray(4 * width * height);
  try {
    await frame.copyTo(pixels, { format: 'RGBA' });
  } catch {
    return createImageBitmap(frame, { premultiplyAlpha: 'none' });
  }
  return createImageBitmap(new ImageData(pixels, width, height), options);
}

async function show(sequence, colour, depth, begun) {
  try {
    const head = headOf(colour.packet, depth.packet, Kind.RGBD);
    const { width, height, levels } = head.extension;
    const { frame } = depth;
    if (frame.format !== DEPTH_FORMAT) {
      self.postMessage({ unable: `its frames of depth are ${frame.format ?? 'hidden'}, not ${DEPTH_FORMAT}` });
    }
    const { width: wide, height: high } = frame.visibleRect;
    if (frame.format !== DEPTH_FORMAT || wide !== width || high !== height) throw new Error(`depth of ${wide}x${high}`);
    const size = frame.allocationSize();
    if (scratch.byteLength < size) scratch = new Uint8Array(size);
    const [copied, picture] = await Promise.all([
      frame.copyTo(scratch.subarray(0, size)),
      pictureOf(colour.frame),
    ]);
    const [{ offset, stride }] = copied;
    const out = new Uint16Array(width * height);
    if (stride === 2 * width) wholeOf(new Uint16Array(scratch.buffer, offset, width * height), depth.packet.extension, out);
    else {
      for (let row = 0; row < height; row++) {
        const line = new Uint16Array(scratch.buffer, offset + row * stride, width);
        wholeOf(line, depth.packet.extension, out.subarray(row * width, (row + 1) * width));
      }
    }
    const content = { depth: out, colour: picture, confidence: null, quantiles: quantiles(out, width, height, levels) };
    const transfer = [out.buffer, picture, ...(content.quantiles ? [content.quantiles.buffer] : [])];
    self.postMessage({ head, content, milliseconds: performance.now() - begun }, transfer);
  } catch (error) {
    self.postMessage({ dropped: sequence });
    throw error;
  } finally {
    colour.frame.close();
    depth.frame.close();
  }
}

/** Nothing that comes can be shown before the next frame to begin with. */
function fail(error) {
  for (const track of Object.values(tracks)) track.close();
  pairs.clear();
  self.postMessage({ failed: error.message ?? String(error) });
}

self.onmessage = ({ data: buffer }) => {
  try {
    const packet = decodePacket(buffer);
    const { sequence } = packet;
    const which = WHICH[packet.kind];
    if (which === 'colour' && packet.flags.independent) pairs.clear();
    pairs.expect(sequence);
    if (!tracks[which].decode(packet)) pairs.drop(sequence);
  } catch (error) {
    fail(error);
  }
};
