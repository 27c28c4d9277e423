// The wire format of docs/protocol.md, the mirror of server/protocol.py: strict, little-endian, no copies of payloads.

export const PROTOCOL = 'vergence.v1';
export const MAGIC = 0x314e4756; // "VGN1"
export const MAJOR = 1;
export const HEADER_BYTES = 32;

export const Kind = Object.freeze({ RGBD: 1, SPLAT16: 2, POINTS16: 4, VIDEO_RGB: 5, VIDEO_DEPTH: 6, CAPTURE: 16 });
export const Flag = Object.freeze({ INDEPENDENT: 1, HIGH_QUALITY: 2, LAST: 4, METRIC: 8, STILL: 16 });
export const DepthCodec = Object.freeze({ RAW16: 0, DELTA16: 1, DELTA12: 2 });
export const ColourCodec = Object.freeze({ JPEG: 0, WEBP: 1, RAW: 2 });
export const ConfidenceCodec = Object.freeze({ NONE: 0, DEFLATE8: 1 });
export const SplatCodec = Object.freeze({ PLAIN: 0, PLANAR_DEFLATE: 1 });

export const SPLATS_PER_ROW = 2048; // a row of the splat renderer's texture: capacities are multiples of it
const BYTES_PER_SPLAT = 16;
const EXTENSION_BYTES = { [Kind.RGBD]: 96, [Kind.SPLAT16]: 32, [Kind.POINTS16]: 32, [Kind.VIDEO_RGB]: 32, [Kind.VIDEO_DEPTH]: 112, [Kind.CAPTURE]: 16 };
const MAX_SIDE = 8192;
const MAX_SPLATS = 1 << 22;
const VIDEO_CODES = 1024; // of a sample of 10 bits
const KNOWN_FLAGS = 31;

/** What arrived is not a packet of this protocol; the message says what was found and what was needed. */
export class ProtocolError extends Error {}

function need(condition, message) {
  if (!condition) throw new ProtocolError(message);
}

const padded = (bytes) => (bytes + 15) & ~15;

/**
 * Read one binary message.
 * @param {ArrayBuffer} buffer the whole message
 * @returns {{kind: number, flags: object, source: number, sequence: number, time: number, extension: object,
 *   payload: Uint8Array, bytes: number}} `time` is the server's clock in microseconds when the picture was taken
 */
export function decodePacket(buffer) {
  need(buffer instanceof ArrayBuffer, 'a packet is an ArrayBuffer');
  need(buffer.byteLength >= HEADER_BYTES, `a packet has at least ${HEADER_BYTES} bytes, this has ${buffer.byteLength}`);
  const view = new DataView(buffer);
  need(view.getUint32(0, true) === MAGIC, 'the first four bytes are not "VGN1"');
  const major = view.getUint8(4);
  need(major === MAJOR, `this page speaks version ${MAJOR} of the protocol, the server ${major}: reload the page`);
  const kind = view.getUint8(5);
  const bits = view.getUint16(6, true);
  need((bits & ~KNOWN_FLAGS) === 0, `unknown flags in ${bits}`);
  const source = view.getUint16(8, true);
  const extensionBytes = view.getUint16(10, true) * 16;
  const sequence = view.getUint32(12, true);
  const time = Number(view.getBigUint64(16, true));
  const payloadBytes = view.getUint32(24, true);
  const checksum = view.getUint32(28, true);
  const start = HEADER_BYTES + extensionBytes;
  need(
    start + payloadBytes === buffer.byteLength,
    `the header promises ${start + payloadBytes} bytes, ${buffer.byteLength} came`,
  );
  const wanted = EXTENSION_BYTES[kind];
  need(wanted === undefined || extensionBytes === wanted, `kind ${kind} has an extension of ${extensionBytes} bytes`);
  const payload = new Uint8Array(buffer, start, payloadBytes);
  need(
    checksum === 0 || crc32(new Uint8Array(buffer, HEADER_BYTES)) === checksum,
    `packet ${sequence} was damaged on the way`,
  );
  const extension = readExtension(kind, new DataView(buffer, HEADER_BYTES, extensionBytes), payloadBytes);
  return {
    kind,
    flags: {
      independent: (bits & Flag.INDEPENDENT) !== 0,
      highQuality: (bits & Flag.HIGH_QUALITY) !== 0,
      last: (bits & Flag.LAST) !== 0,
      metric: (bits & Flag.METRIC) !== 0,
      still: (bits & Flag.STILL) !== 0,
    },
    source,
    sequence,
    time,
    extension,
    payload,
    bytes: buffer.byteLength,
  };
}

function readExtension(kind, view, payloadBytes) {
  switch (kind) {
    case Kind.RGBD:
      return readRgbd(view, payloadBytes);
    case Kind.SPLAT16:
      return readSplat16(view, payloadBytes);
    case Kind.POINTS16:
      return readPoints16(view, payloadBytes);
    case Kind.VIDEO_RGB:
      return readVideo(view, payloadBytes);
    case Kind.VIDEO_DEPTH:
      return readVideoDepth(view, payloadBytes);
    case Kind.CAPTURE:
      return readCapture(view, payloadBytes);
    default:
      throw new ProtocolError(`packets of kind ${kind} are not known here`);
  }
}

function floats(view, offset, count) {
  return Array.from({ length: count }, (_, i) => view.getFloat32(offset + 4 * i, true));
}

function readRgbd(view, payloadBytes) {
  const width = view.getUint16(0, true);
  const height = view.getUint16(2, true);
  need(width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE, `a depth map of ${width}x${height}`);
  const [fx, fy, cx, cy, near, far] = floats(view, 4, 6);
  need(fx > 0 && fy > 0 && Number.isFinite(fx * fy * (1 + cx * cx + cy * cy)), `intrinsics ${fx}, ${fy}, ${cx}, ${cy}`);
  need(near > 0 && far > near && Number.isFinite(far), `a depth range of ${near} to ${far}`);
  const [depthCodec, colourCodec, confidenceCodec] = [view.getUint8(28), view.getUint8(29), view.getUint8(30)];
  need(depthCodec <= 2, `depth codec ${depthCodec}`);
  need(colourCodec <= 2, `colour codec ${colourCodec}`);
  need(confidenceCodec <= 1, `confidence codec ${confidenceCodec}`);
  const [colourBytes, depthBytes, confidenceBytes] = [32, 36, 40].map((offset) => view.getUint32(offset, true));
  need(
    padded(colourBytes) + padded(depthBytes) + padded(confidenceBytes) === payloadBytes,
    `blocks of ${colourBytes}, ${depthBytes} and ${confidenceBytes} bytes do not fill a payload of ${payloadBytes}`,
  );
  need(colourBytes > 0, 'there is no picture');
  need(colourCodec !== ColourCodec.RAW || colourBytes === 3 * width * height, `${colourBytes} bytes of raw picture`);
  need((confidenceCodec !== ConfidenceCodec.NONE) === confidenceBytes > 0, 'the confidence is not what is said');
  need(depthCodec !== DepthCodec.RAW16 || depthBytes === 2 * width * height, `${depthBytes} bytes of raw depth`);
  const pose = floats(view, 44, 12);
  need(pose.every(Number.isFinite), 'a pose that is not finite');
  const depthStart = padded(colourBytes);
  const confidenceStart = depthStart + padded(depthBytes);
  return {
    width, height, fx, fy, cx, cy, near, far, depthCodec, colourCodec, confidenceCodec,
    levels: depthCodec === DepthCodec.DELTA12 ? 4095 : 65535,
    colour: [0, colourBytes],
    depth: [depthStart, depthStart + depthBytes],
    confidence: [confidenceStart, confidenceStart + confidenceBytes],
    worldFromCamera: pose,
  };
}

function readSplat16(view, payloadBytes) {
  const count = view.getUint32(0, true);
  const capacity = view.getUint32(4, true);
  need(
    capacity > 0 && capacity <= MAX_SPLATS && capacity % SPLATS_PER_ROW === 0,
    `a capacity of ${capacity} splats; it is a multiple of ${SPLATS_PER_ROW}`,
  );
  need(count <= capacity, `${count} splats in room for ${capacity}`);
  const [lnScaleMin, lnScaleMax, rgbMin, rgbMax] = floats(view, 8, 4);
  need(lnScaleMax > lnScaleMin && rgbMax > rgbMin, 'empty ranges of scale or colour');
  const codec = view.getUint8(24);
  need(codec <= 1, `splat codec ${codec}`);
  const plainBytes = Math.ceil(count / SPLATS_PER_ROW) * SPLATS_PER_ROW * BYTES_PER_SPLAT;
  need(codec !== SplatCodec.PLAIN || payloadBytes === plainBytes, `${payloadBytes} bytes for ${count} splats`);
  return { count, capacity, lnScaleMin, lnScaleMax, rgbMin, rgbMax, codec, plainBytes };
}

function readPoints16(view, payloadBytes) {
  const count = view.getUint32(0, true);
  const [scale, x, y, z] = floats(view, 4, 4);
  need(scale > 0 && [scale, x, y, z].every(Number.isFinite), `points with a scale of ${scale}`);
  need(count <= MAX_SPLATS && padded(8 * count) + padded(4 * count) === payloadBytes, `${payloadBytes} bytes for ${count} points`);
  return { count, scale, origin: [x, y, z] };
}

function readVideo(view, payloadBytes) {
  const [width, height] = [view.getUint16(0, true), view.getUint16(2, true)];
  need(width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE, `a film of ${width}x${height}`);
  const bytes = view.getUint32(4, true);
  need(bytes > 0 && padded(bytes) === payloadBytes, `a frame of ${bytes} bytes in a payload of ${payloadBytes}`);
  const name = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + 8, 16));
  const codec = name.replace(/\0+$/, '');
  need(/^[0-9A-Za-z.]+$/.test(codec), 'a codec without a name');
  return { width, height, bytes, codec };
}

function readVideoDepth(view, payloadBytes) {
  const [fx, fy, cx, cy, near, far] = floats(view, 24, 6);
  need(fx > 0 && fy > 0 && Number.isFinite(fx * fy * (1 + cx * cx + cy * cy)), `intrinsics ${fx}, ${fy}, ${cx}, ${cy}`);
  need(near > 0 && far > near && Number.isFinite(far), `a depth range of ${near} to ${far}`);
  const [farCode, nearCode] = [view.getUint16(48, true), view.getUint16(50, true)];
  need(farCode > 0 && nearCode > farCode && nearCode < VIDEO_CODES, `codes of ${farCode} to ${nearCode}`);
  const worldFromCamera = floats(view, 52, 12);
  need(worldFromCamera.every(Number.isFinite), 'a pose that is not finite');
  return { ...readVideo(view, payloadBytes), fx, fy, cx, cy, near, far, farCode, nearCode, worldFromCamera };
}

function readCapture(view, payloadBytes) {
  const [width, height] = [view.getUint16(0, true), view.getUint16(2, true)];
  need(width > 0 && height > 0, `a picture of ${width}x${height}`);
  need(view.getUint8(4) === 0, `picture codec ${view.getUint8(4)}`);
  const fovX = view.getFloat32(8, true);
  need(fovX >= 0 && fovX < Math.PI, `a field of view of ${fovX}`);
  const bytes = view.getUint32(12, true);
  need(padded(bytes) === payloadBytes, `a picture of ${bytes} bytes in a payload of ${payloadBytes}`);
  return { width, height, fovX, bytes };
}

/**
 * Write one picture of a camera or screen for the server.
 * @param {{jpeg: Uint8Array, width: number, height: number, sequence: number, time: number, fovX?: number}} picture
 *   `time` in microseconds of the server's clock, `fovX` in radians, 0 where it is not known
 * @returns {ArrayBuffer}
 */
export function encodeCapture({ jpeg, width, height, sequence, time, fovX = 0 }) {
  const start = HEADER_BYTES + EXTENSION_BYTES[Kind.CAPTURE];
  const payloadBytes = padded(jpeg.byteLength);
  const buffer = new ArrayBuffer(start + payloadBytes);
  const view = new DataView(buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, MAJOR);
  view.setUint8(5, Kind.CAPTURE);
  view.setUint16(6, Flag.INDEPENDENT, true);
  view.setUint16(10, EXTENSION_BYTES[Kind.CAPTURE] / 16, true);
  view.setUint32(12, sequence >>> 0, true);
  view.setBigUint64(16, BigInt(Math.max(0, Math.round(time))), true);
  view.setUint32(24, payloadBytes, true);
  view.setUint16(32, width, true);
  view.setUint16(34, height, true);
  view.setFloat32(40, fovX, true);
  view.setUint32(44, jpeg.byteLength, true);
  new Uint8Array(buffer).set(jpeg, start);
  return buffer;
}

/** Read one text message: an object with a string `t`. */
export function decodeControl(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtocolError('a text message that is not JSON');
  }
  need(message !== null && typeof message === 'object' && typeof message.t === 'string', 'a text message without a type');
  return message;
}

let table;

/** CRC-32 (ISO 3309, as in zip and PNG) of bytes. */
export function crc32(bytes) {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let value = n;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value >>> 0;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
