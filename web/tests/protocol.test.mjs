// Garbage is refused with a reason, and never with anything else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { ProtocolError, crc32, decodeControl, decodePacket } from '../src/protocol.js';
import { inflate, quantiles, undelta, unpackDepth, unpackSplats } from '../src/decode/unpack.js';
import { roomPacket } from '../dev/room.mjs';
import { NAMES, golden } from './goldens.mjs';

/** A small generator of random numbers, the same on every run (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

async function readAll(buffer) {
  const packet = decodePacket(buffer);
  if (packet.kind === 1) {
    await unpackDepth(packet);
    const { width, height, confidenceCodec, confidence } = packet.extension;
    if (confidenceCodec) await inflate(packet.payload.subarray(...confidence), width * height);
  }
  if (packet.kind === 2) await unpackSplats(packet);
}

test('damaged packets are refused, whatever byte is wrong', async () => {
  const next = random(7);
  let refused = 0;
  for (let run = 0; run < 400; run++) {
    const { buffer } = golden(NAMES[Math.floor(next() * NAMES.length)]);
    const bytes = new Uint8Array(buffer.slice(0, next() < 0.3 ? Math.floor(next() * buffer.byteLength) : undefined));
    for (let hit = 0; hit <= next() * 4 && bytes.length; hit++) {
      const most = next() < 0.7 ? Math.min(128, bytes.length) : bytes.length;
      bytes[Math.floor(next() * most)] = Math.floor(next() * 256);
    }
    try {
      await readAll(bytes.buffer);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `${error.stack}`);
      refused++;
    }
  }
  assert.ok(refused > 200, `only ${refused} of 400 were refused`);
});

test('random bytes are no packet', () => {
  const next = random(3);
  for (let run = 0; run < 200; run++) {
    const bytes = Uint8Array.from({ length: Math.floor(next() * 300) }, () => next() * 256);
    assert.throws(() => decodePacket(bytes.buffer), ProtocolError);
  }
});

test('a packet of another version says to reload the page', () => {
  const buffer = new Uint8Array(roomPacket(0)).buffer;
  new Uint8Array(buffer)[4] = 2;
  assert.throws(() => decodePacket(buffer), /reload the page/);
});

test('a checksum finds a wrong byte', () => {
  const bytes = new Uint8Array(roomPacket(0, { width: 16, height: 8 }));
  new DataView(bytes.buffer).setUint32(28, crc32(bytes.subarray(32)), true);
  decodePacket(bytes.buffer);
  bytes[200] ^= 1;
  assert.throws(() => decodePacket(bytes.buffer), /damaged/);
});

test('the checksum is that of zip and PNG', () => {
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
});

test('text messages are objects with a type', () => {
  assert.equal(decodeControl('{"t":"hello"}').t, 'hello');
  for (const text of ['', '[]', '{}', 'null', '{"t":1}', '{']) assert.throws(() => decodeControl(text), ProtocolError);
});

test('a block may be padded with zeros, and may not hold more or less than is said', async () => {
  const data = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) & 255);
  const packed = deflateRawSync(data, { level: 1 });
  for (const padding of [0, 1, 15]) {
    const block = new Uint8Array(packed.length + padding);
    block.set(packed);
    assert.deepEqual(await inflate(block, 5000), data);
  }
  await assert.rejects(inflate(packed, 4999), ProtocolError);
  await assert.rejects(inflate(packed, 5001), ProtocolError);
  await assert.rejects(inflate(deflateRawSync(new Uint8Array(1 << 24)), 100), ProtocolError); // a bomb
});

test('differences over the whole range of 16 bits come back', () => {
  const rows = [[0, 65535, 1], [40000, 3, 3], [65535, 0, 32768]];
  const planes = new Uint8Array(18);
  let above = 0;
  rows.forEach((row, j) => {
    let before = above;
    row.forEach((value, i) => {
      const d = ((value - before) << 16) >> 16;
      const folded = ((d << 1) ^ (d >> 15)) & 0xffff;
      planes[3 * j + i] = folded & 255;
      planes[9 + 3 * j + i] = folded >> 8;
      before = value;
    });
    above = row[0];
  });
  assert.deepEqual([...undelta(planes, 3, 3)], rows.flat());
});

test('quantiles run from the nearest pixel to the farthest, and leave out what is invalid', () => {
  const depth = Uint16Array.from({ length: 400 }, (_, i) => (i < 200 ? 0 : i < 300 ? 4000 : 1000));
  const found = quantiles(depth, 20, 20, 4095);
  assert.ok(Math.abs(found[0] - 4000) < 2 && Math.abs(found[100] - 1000) < 2, `${found}`);
  assert.equal(quantiles(new Uint16Array(400), 20, 20, 4095), null);
});
