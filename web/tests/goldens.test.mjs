// The packets that the Python tests decode too: every one means the same here.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { decodePacket, encodeCapture } from '../src/protocol.js';
import { headOf, wholeOf } from '../src/decode/pairs.js';
import { inflate, unpackDepth, unpackSplats } from '../src/decode/unpack.js';
import { inverseDepth } from '../src/shape.js';
import { NAMES, golden } from './goldens.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const near = (a, b) => assert.ok(Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

test('there are goldens of every kind', () => {
  assert.ok(NAMES.length >= 7, NAMES.join());
});

for (const name of NAMES) {
  test(`the header of ${name} is read`, () => {
    const { buffer, wanted } = golden(name);
    const packet = decodePacket(buffer);
    assert.equal(packet.kind, wanted.header.kind);
    assert.equal(packet.source, wanted.header.source);
    assert.equal(packet.sequence, wanted.header.sequence);
    assert.equal(packet.time, wanted.header.time_us);
    assert.equal(packet.bytes, wanted.header.bytes);
    assert.equal(packet.payload.byteLength, wanted.header.payload_bytes);
    const names = ['independent', 'highQuality', 'last', 'metric', 'still'];
    assert.equal(names.reduce((bits, flag, i) => bits | (packet.flags[flag] ? 1 << i : 0), 0), wanted.header.flags);
  });
}

for (const name of NAMES.filter((each) => each.startsWith('rgbd'))) {
  test(`the blocks of ${name} come out bit by bit`, async () => {
    const { buffer, wanted } = golden(name);
    const packet = decodePacket(buffer);
    const { extension } = packet;
    for (const key of ['width', 'height']) assert.equal(extension[key], wanted.extension[key]);
    for (const key of ['fx', 'fy', 'cx', 'cy', 'near', 'far']) near(extension[key], wanted.extension[key]);
    extension.worldFromCamera.forEach((value, i) => near(value, wanted.extension.pose[i]));
    const depth = await unpackDepth(packet);
    assert.deepEqual([...depth], wanted.depth.flat());
    const shape = {
      offset: 1 / extension.far, step: (1 / extension.near - 1 / extension.far) / (extension.levels - 1),
    };
    wanted.z.flat().forEach((z, i) => {
      if (z !== null) near(1 / inverseDepth(shape, depth[i]), z);
    });
    assert.equal(sha256(packet.payload.subarray(...extension.colour)), wanted.colour_sha256);
    if (wanted.confidence) {
      const block = packet.payload.subarray(...extension.confidence);
      assert.deepEqual([...(await inflate(block, extension.width * extension.height))], wanted.confidence.flat());
    }
  });
}

for (const name of NAMES.filter((each) => each.startsWith('splat16'))) {
  test(`the splats of ${name} come out byte by byte`, async () => {
    const { buffer, wanted } = golden(name);
    const packet = decodePacket(buffer);
    assert.equal(packet.extension.count, wanted.extension.count);
    assert.equal(packet.extension.capacity, wanted.extension.capacity);
    const splats = await unpackSplats(packet);
    assert.equal(splats.byteLength, wanted.plain_bytes);
    wanted.splats.forEach((splat, i) => assert.deepEqual([...splats.subarray(16 * i, 16 * i + 16)], splat));
    assert.ok(splats.subarray(16 * wanted.splats.length).every((byte) => byte === 0));
  });
}

test('a cloud has its points', () => {
  const { buffer, wanted } = golden('points16');
  const { extension, payload } = decodePacket(buffer);
  assert.equal(extension.count, wanted.extension.count);
  const xyz = new Int16Array(payload.buffer, payload.byteOffset, 4 * extension.count);
  assert.deepEqual([...xyz], wanted.xyz.flat());
});

test('a picture for the server is written as the golden one is', () => {
  const { buffer, wanted } = golden('capture');
  const { extension, payload } = decodePacket(buffer);
  const made = encodeCapture({
    jpeg: payload.slice(0, extension.bytes), width: wanted.extension.width, height: wanted.extension.height,
    sequence: wanted.header.sequence, time: wanted.header.time_us, fovX: wanted.extension.fov_x,
  });
  const [a, b] = [new Uint8Array(made), new Uint8Array(buffer.slice(0))];
  b.fill(0, 28, 32); // without the checksum, which is for files
  a.fill(0, 28, 32);
  assert.deepEqual(a, b);
});

test('frames of film are told what decodes them, and depth comes out of their luma', () => {
  const [colour, depth] = ['video_rgb', 'video_depth'].map((name) => golden(name));
  const [rgb, luma] = [colour, depth].map(({ buffer }) => decodePacket(buffer));
  for (const [packet, { wanted }] of [[rgb, colour], [luma, depth]]) {
    const { width, height, codec, bytes } = packet.extension;
    assert.deepEqual([width, height, codec, bytes], ['width', 'height', 'codec', 'frame_bytes'].map((key) => wanted.extension[key]));
    assert.deepEqual([...packet.payload.subarray(0, bytes)], wanted.frame);
  }
  const head = headOf(rgb, luma, 1);
  assert.deepEqual([head.sequence, head.bytes, head.extension.levels], [21, rgb.bytes + luma.bytes, depth.wanted.levels]);
  for (const key of ['fx', 'fy', 'cx', 'cy', 'near', 'far']) near(head.extension[key], depth.wanted.extension[key]);
  head.extension.worldFromCamera.forEach((value, i) => near(value, depth.wanted.extension.pose[i]));
  const whole = wholeOf(Uint16Array.from(depth.wanted.luma), luma.extension, new Uint16Array(depth.wanted.luma.length));
  assert.deepEqual([...whole], depth.wanted.whole);
});
