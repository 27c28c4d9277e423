// Turns binary messages into pictures and arrays off the main thread, one at a time.

import { ConfidenceCodec, Kind, ProtocolError, decodePacket } from '../protocol.js';
import { unpackColour } from './colour.js';
import { inflate, quantiles, unpackDepth, unpackSplats } from './unpack.js';

async function unpackRgbd(packet) {
  const { width, height, levels, confidenceCodec, confidence } = packet.extension;
  const [depth, colour, sure] = await Promise.all([
    unpackDepth(packet),
    unpackColour(packet),
    confidenceCodec === ConfidenceCodec.NONE
      ? null
      : inflate(packet.payload.subarray(...confidence), width * height),
  ]);
  return { depth, colour, confidence: sure, quantiles: quantiles(depth, width, height, levels) };
}

async function unpack(packet) {
  switch (packet.kind) {
    case Kind.RGBD:
      return unpackRgbd(packet);
    case Kind.SPLAT16: {
      const splats = await unpackSplats(packet);
      return { splats: splats.slice() };
    }
    case Kind.POINTS16: {
      const { count } = packet.extension;
      const bytes = packet.payload.slice();
      const colours = (8 * count + 15) & ~15;
      return {
        positions: new Int16Array(bytes.buffer, 0, 4 * count),
        colours: bytes.subarray(colours, colours + 4 * count),
      };
    }
    default:
      throw new ProtocolError(`packets of kind ${packet.kind} are for the server`);
  }
}

self.onmessage = async ({ data: { id, buffer } }) => {
  const begun = performance.now();
  try {
    const packet = decodePacket(buffer);
    const content = await unpack(packet);
    const { payload, ...head } = packet;
    const transfer = Object.values(content)
      .filter((value) => value && typeof value === 'object')
      .map((value) => value.pixels?.buffer ?? value.buffer ?? value)
      .filter((value, index, all) => all.indexOf(value) === index);
    self.postMessage({ id, head, content, milliseconds: performance.now() - begun }, transfer);
  } catch (error) {
    self.postMessage({ id, error: error.message ?? String(error) });
  }
};
