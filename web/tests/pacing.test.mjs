// A camera sends as many pictures as this page can show, where nobody else looks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacing } from '../src/capture/pacing.js';

const PERIOD = 1000 / 30; // ms between a camera's pictures

/** How many of a camera's pictures of `seconds` are sent. */
function sent(pacing, seconds) {
  let count = 0;
  for (let i = 0; i < Math.round(30 * seconds); i++) {
    if (!pacing.isDue(i * PERIOD)) continue;
    pacing.note(i * PERIOD);
    count++;
  }
  return count;
}

test('every picture is sent while all are shown', () => {
  const pacing = new Pacing();
  for (let i = 0; i < 20; i++) pacing.hear(1, true);
  assert.equal(sent(pacing, 2), 60);
});

test('what cannot be shown is not sent', () => {
  const pacing = new Pacing();
  pacing.hear(5, true);
  assert.ok(Math.abs(sent(pacing, 4) / 4 - 24) < 1.5);
  for (let i = 0; i < 10; i++) pacing.hear(5, true);
  assert.equal(pacing.rate, 15);
});

test('a rate between those of the camera is kept on the average', () => {
  const pacing = new Pacing();
  pacing.hear(5, true);
  pacing.hear(5, true);
  assert.ok(Math.abs(sent(pacing, 4) / 4 - 20) < 1.5);
});

test('after a while without a loss it is tried again, and later every time that goes wrong', () => {
  const pacing = new Pacing();
  const secondsUntilQuicker = () => {
    for (let i = 1; ; i++) {
      pacing.hear(0, true);
      if (pacing.rate === Infinity) return i;
    }
  };
  pacing.hear(5, true);
  const first = secondsUntilQuicker();
  pacing.hear(5, true);
  assert.equal(pacing.rate, 24);
  assert.ok(secondsUntilQuicker() > 1.5 * first);
});

test('others who look get every picture', () => {
  const pacing = new Pacing();
  for (let i = 0; i < 10; i++) pacing.hear(9, true);
  pacing.hear(9, false);
  assert.equal(pacing.rate, Infinity);
});
