// Packets that are right on the outside and random within: refused with a reason or read, never anything else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER_BYTES, Kind, MAGIC, MAJOR, ProtocolError, decodeControl, decodePacket } from '../src/protocol.js';
import { inflate, quantiles, unpackDepth, unpackSplats } from '../src/decode/unpack.js';
import { SETTINGS, Settings, fit } from '../src/settings.js';

const KINDS = Object.values(Kind);
const SIZES = { [Kind.RGBD]: 96, [Kind.SPLAT16]: 32, [Kind.POINTS16]: 32, [Kind.VIDEO_RGB]: 32, [Kind.VIDEO_DEPTH]: 112, [Kind.CAPTURE]: 16 };

/** A small generator of random numbers, the same on every run (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function framed(kind, extension, payload) {
  const bytes = new Uint8Array(HEADER_BYTES + extension.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, MAJOR);
  view.setUint8(5, kind);
  view.setUint16(6, 1, true);
  view.setUint16(10, extension.length / 16, true);
  view.setUint32(24, payload.length, true);
  bytes.set(extension, HEADER_BYTES);
  bytes.set(payload, HEADER_BYTES + extension.length);
  return bytes.buffer;
}

async function read(buffer) {
  const packet = decodePacket(buffer);
  const { extension } = packet;
  if (packet.kind === Kind.SPLAT16) await unpackSplats(packet);
  if (packet.kind !== Kind.RGBD) return packet;
  const depth = await unpackDepth(packet);
  quantiles(depth, extension.width, extension.height, extension.levels);
  if (extension.confidenceCodec) await inflate(packet.payload.subarray(...extension.confidence), extension.width * extension.height);
  return packet;
}

test('a right header before random bytes is refused or read', async () => {
  const next = random(11);
  for (let run = 0; run < 600; run++) {
    const kind = KINDS[Math.floor(next() * KINDS.length)];
    const most = next() < 0.5 ? 256 : 3; // small numbers pass more checks
    const fill = (length) => Uint8Array.from({ length }, () => next() * most);
    const buffer = framed(kind, fill(SIZES[kind]), fill(16 * Math.floor(next() * 8)));
    try {
      await read(buffer);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, error.stack);
    }
  }
});

test('an RGBD packet with one number out of bounds is refused before anything is made of it', async () => {
  const extension = (change) => {
    const view = new DataView(new ArrayBuffer(96));
    [4, 4].forEach((side, i) => view.setUint16(2 * i, side, true));
    [4, 4, 2, 2, 1, 9].forEach((value, i) => view.setFloat32(4 + 4 * i, value, true));
    view.setUint8(29, 2);
    [48, 32, 0].forEach((size, i) => view.setUint32(32 + 4 * i, size, true));
    [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0].forEach((value, i) => view.setFloat32(44 + 4 * i, value, true));
    change(view);
    return new Uint8Array(view.buffer);
  };
  await read(framed(Kind.RGBD, extension(() => {}), new Uint8Array(80)));
  const wrong = [
    (view) => view.setUint16(0, 0, true),
    (view) => view.setUint16(0, 65535, true),
    (view) => view.setFloat32(4, 0, true),
    (view) => view.setFloat32(4, Number.NaN, true),
    (view) => view.setFloat32(12, Infinity, true),
    (view) => view.setFloat32(20, 9, true),
    (view) => view.setFloat32(20, -1, true),
    (view) => view.setFloat32(24, Infinity, true),
    (view) => view.setUint8(28, 3),
    (view) => view.setUint8(29, 3),
    (view) => view.setUint8(30, 2),
    (view) => view.setUint32(32, 0xffffffff, true),
    (view) => view.setUint32(36, 16, true),
    (view) => view.setUint32(40, 1, true),
    (view) => view.setFloat32(44, Number.NaN, true),
  ];
  for (const [i, change] of wrong.entries()) {
    await assert.rejects(read(framed(Kind.RGBD, extension(change), new Uint8Array(80))), ProtocolError, `change ${i}`);
  }
});

test('counts that promise more than came reserve nothing', () => {
  for (const kind of [Kind.SPLAT16, Kind.POINTS16]) {
    for (const count of [1 << 22, 0x7fffffff, 0xffffffff]) {
      const view = new DataView(new ArrayBuffer(32));
      view.setUint32(0, count, true);
      view.setUint32(4, 0xfffff800, true);
      [-9, 1, 0, 1].forEach((value, i) => view.setFloat32(8 + 4 * i, value, true));
      assert.throws(() => decodePacket(framed(kind, new Uint8Array(view.buffer), new Uint8Array(32))), ProtocolError);
    }
  }
});

test('random text is no message', () => {
  const next = random(5);
  const letters = '{}[]":,tahelo0123.-\\ue\u00e9\u{1f600}';
  for (let run = 0; run < 500; run++) {
    const text = Array.from({ length: next() * 40 }, () => letters[Math.floor(next() * letters.length)]).join('');
    try {
      assert.equal(typeof decodeControl(text).t, 'string');
    } catch (error) {
      assert.ok(error instanceof ProtocolError, error.stack);
    }
  }
});

test('whatever another page sets, a setting keeps its kind and its bounds', () => {
  const values = [null, undefined, true, 'x', '', [], {}, Number.NaN, -Infinity, Infinity, -1e9, 1e9, 0.5];
  const settings = new Settings();
  for (const row of SETTINGS) {
    for (const value of values) {
      settings.set(row.key, value, 'server');
      const kept = settings.get(row.key);
      assert.equal(typeof kept, typeof row.value, row.key);
      if (row.type === 'number') assert.ok(kept >= row.min && kept <= row.max, `${row.key} is ${kept}`);
      if (row.type === 'choice') assert.ok(row.options.some(([id]) => id === kept), `${row.key} is ${kept}`);
    }
    assert.equal(fit('nothing', 1), undefined);
  }
});
