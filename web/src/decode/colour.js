// The colour of a packet -> pixels, off the main thread.

import { ColourCodec } from '../protocol.js';

const MIME = { [ColourCodec.JPEG]: 'image/jpeg', [ColourCodec.WEBP]: 'image/webp' };
const BITMAP = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };

let canDecodeHere = typeof ImageDecoder !== 'undefined';

/** An ImageBitmap, or {width, height, pixels} with red, green, blue and 255 of each. */
export async function unpackColour(packet) {
  const { colourCodec, colour, width, height } = packet.extension;
  const block = packet.payload.subarray(...colour);
  if (colourCodec === ColourCodec.RAW) return { width, height, pixels: withAlpha(block, width * height) };
  const type = MIME[colourCodec];
  if (!canDecodeHere) return bitmap(block, type);
  try {
    return await pixelsOf(block, type);
  } catch {
    const found = await bitmap(block, type); // throws where the picture is to blame
    canDecodeHere = false;
    return found;
  }
}

/** In place: a third of the time of a bitmap, whose bytes travel to another process and back. Secure pages only. */
async function pixelsOf(data, type) {
  const decoder = new ImageDecoder({ data, type, colorSpaceConversion: 'none' });
  try {
    const { image } = await decoder.decode();
    try {
      const { width, height } = image.visibleRect;
      const pixels = new Uint8Array(4 * width * height);
      await image.copyTo(pixels, { format: 'RGBA', colorSpace: 'srgb' });
      return { width, height, pixels };
    } finally {
      image.close();
    }
  } finally {
    decoder.close();
  }
}

const bitmap = (block, type) => createImageBitmap(new Blob([block], { type }), BITMAP);

function withAlpha(rgb, count) {
  const out = new Uint8Array(4 * count);
  for (let i = 0, j = 0; j < out.length; i += 3, j += 4) {
    out[j] = rgb[i];
    out[j + 1] = rgb[i + 1];
    out[j + 2] = rgb[i + 2];
    out[j + 3] = 255;
  }
  return out;
}
