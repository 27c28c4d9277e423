// Turns binary messages into pictures and arrays off the main thread, one at a time.

import { ColourCodec, ConfidenceCodec, Kind, decodePacket } from '../protocol.js';
import { inflate, quantiles, unpackDepth, unpackSplats } from './unpack.js';

const MIME = { [ColourCodec.JPEG]: 'image/jpeg', [ColourCodec.WEBP]: 'image/webp' };

async function unpackColour(packet) {
  const { colourCodec, colour, width, height } = packet.extension;
  const block = packet.payload.subarray(...colour);
  const options = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };
  if (colourCodec !== ColourCodec.RAW) {
    return createImageBitmap(new Blob([block], { type: MIME[colourCodec] }), options);
  }
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let i = 0, j = 0; j < pixels.length; i += 3, j += 4) {
    pixels[j] = block[i];
    pixels[j + 1] = block[i + 1];
    pixels[j + 2] = block[i + 2];
    pixels[j + 3] = 255;
  }
  return createImageBitmap(new ImageData(pixels, width, height), options);
}

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
      return { file: packet.payload.slice(0, packet.extension.bytes) };
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
      .map((value) => value.buffer ?? value)
      .filter((value, index, all) => all.indexOf(value) === index);
    self.postMessage({ id, head, content, milliseconds: performance.now() - begun }, transfer);
  } catch (error) {
    self.postMessage({ id, error: error.message ?? String(error) });
  }
};
