// Places, lengths and picking, against a room whose depth is known.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodePacket } from '../src/protocol.js';
import { unpackDepth } from '../src/decode/unpack.js';
import { distance, length, measured, medianDepth, pick, pointAt, shownDepth } from '../src/shape.js';
import { Clock } from '../src/connection.js';
import { SETTINGS, Settings, fit } from '../src/settings.js';
import { paletteBytes } from '../src/palette.js';
import { ROOM, roomPacket } from '../dev/room.mjs';

async function room() {
  const packet = decodePacket(new Uint8Array(roomPacket(0)).buffer);
  const { width, height, fx, fy, cx, cy, near, far, levels } = packet.extension;
  const depth = await unpackDepth(packet);
  const shape = {
    width, height, fx, fy, cx, cy, offset: 1 / far, step: (1 / near - 1 / far) / (levels - 1),
    low: 0, high: Infinity, pivot: 3, scale: 1, invert: 0,
  };
  return { shape, depth };
}

/** From the camera's axes to clip space, of an eye at the camera that sees just the picture. */
function clipFromCamera({ width, height, fx, fy }) {
  const m = new Float64Array(16);
  m[0] = (2 * fx) / width;
  m[5] = (-2 * fy) / height;
  m[10] = 1;
  m[11] = 1;
  return m;
}

test('the wall of the room is where it was put', async () => {
  const { shape, depth } = await room();
  const w = measured(shape, depth, 3, 3);
  assert.ok(Math.abs(1 / w - ROOM.wall) < 0.01, `${1 / w}`);
});

test('picking from the camera finds the pixel that is there', async () => {
  const { shape, depth } = await room();
  for (const [column, row] of [[10, 12], [80, 55], [150, 20]]) {
    const found = pick(shape, depth, clipFromCamera(shape), { x: column + 0.5, y: row + 0.5, width: 160, height: 90 }, 3);
    assert.deepEqual([found.column, found.row], [column, row]);
  }
  assert.equal(pick(shape, depth, clipFromCamera(shape), { x: -50, y: 10, width: 160, height: 90 }), null);
});

test('a length is measured in metres, whatever the relief that is shown', async () => {
  const { shape, depth } = await room();
  const at = (column, row) => ({ column, row, w: measured(shape, depth, column, row) });
  const wanted = (100 / shape.fx) * ROOM.wall;
  assert.ok(Math.abs(distance({ ...shape, scale: 0.3 }, at(20, 5), at(120, 5)) - wanted) < 0.02);
  assert.equal(length(1.234, true), '1.23 m');
  assert.equal(length(0.052, true), '5.2 cm');
  assert.equal(length(12.34, true), '12.3 m');
  assert.match(length(3.2, false), /units/);
});

test('a depth is the median of what is measured around it, also at the border', async () => {
  const { shape } = await room();
  const small = { ...shape, width: 3, height: 2, offset: 0, step: 0.01 };
  const depth = Uint16Array.from([0, 51, 0, 0, 21, 26]); // 2, 5 and 4 m
  assert.ok(Math.abs(medianDepth(small, depth, { column: 2, row: 1 }, 2) - 4) < 1e-9);
  assert.ok(Math.abs(medianDepth(small, depth, { column: 1, row: 0 }, 0) - 2) < 1e-9);
  assert.equal(medianDepth(small, depth, { column: 0, row: 0 }, 0), null);
  assert.equal(medianDepth(small, depth, { column: 3, row: 0 }, 2), null);
});

test('relief keeps every point on its ray, and the pivot where it is', async () => {
  const { shape } = await room();
  const flat = { ...shape, scale: 0.5 };
  assert.ok(Math.abs(shownDepth(flat, 1 / 3) - 3) < 1e-9);
  const [x, y, z] = pointAt(flat, 10, 20, shownDepth(flat, 1 / 5));
  const [X, Y, Z] = pointAt(shape, 10, 20, 5);
  assert.ok(Math.abs(x / z - X / Z) < 1e-12 && Math.abs(y / z - Y / Z) < 1e-12);
  assert.ok(z > 3 && z < 5);
});

test('the clock trusts the quickest trip', () => {
  const clock = new Clock();
  assert.equal(clock.isKnown, false);
  clock.add(1000, 9000, 1e6 + 8900); // slow on the way back
  clock.add(10000, 10200, 1e6 + 10100);
  assert.equal(clock.trip, 200);
  assert.equal(clock.now(0), 1e6);
});

test('settings refuse what does not fit, and remember the rest', () => {
  const kept = new Map();
  const memory = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const settings = new Settings(memory);
  settings.set('depth_scale', 99);
  settings.set('mode', 'nonsense');
  settings.set('invert', 1);
  assert.deepEqual([settings.get('depth_scale'), settings.get('mode'), settings.get('invert')], [2, 'points', false]);
  assert.equal(fit('depth_scale', Number.NaN), undefined);
  assert.equal(new Settings(memory).get('depth_scale'), 2);
  kept.set('vergence.view', '{broken');
  assert.equal(new Settings(memory).get('depth_scale'), 1);
});

test('colour maps go all the way from dark to their last knot', () => {
  for (const name of ['spectrum', 'ember', 'ocean', 'grey']) {
    const bytes = paletteBytes(name);
    assert.equal(bytes.length, 1024);
    assert.ok(new Set(Array.from({ length: 256 }, (_, i) => bytes.subarray(4 * i, 4 * i + 3).join())).size > 200);
  }
});

test('every setting is in docs/viewer.md under the name that it has on the wire', () => {
  const page = readFileSync(new URL('../../docs/viewer.md', import.meta.url), 'utf8');
  for (const { key } of SETTINGS.filter((row) => row.key !== 'share')) assert.ok(page.includes(`\`${key}\``), key);
});
