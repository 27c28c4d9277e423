// Which frames of both films belong together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEVELS, Pairs, wholeOf } from '../src/decode/pairs.js';

function watched() {
  const seen = { pairs: [], lost: [] };
  const pairs = new Pairs({
    onPair: (...pair) => seen.pairs.push(pair),
    onLost: (...lost) => seen.lost.push(lost),
  });
  return { pairs, seen };
}

test('halves of one sequence come together, whichever is first', () => {
  const { pairs, seen } = watched();
  for (const sequence of [7, 8]) pairs.expect(sequence);
  pairs.put(7, 'depth', 'd7');
  pairs.put(7, 'colour', 'c7');
  pairs.put(8, 'colour', 'c8');
  pairs.put(8, 'depth', 'd8');
  assert.deepEqual(seen, { pairs: [[7, 'c7', 'd7'], [8, 'c8', 'd8']], lost: [] });
});

test('what is older and not whole never will be: it is handed back', () => {
  const { pairs, seen } = watched();
  for (const sequence of [1, 2, 3]) pairs.expect(sequence);
  pairs.put(1, 'colour', 'c1');
  pairs.put(3, 'colour', 'c3');
  pairs.put(3, 'depth', 'd3');
  assert.deepEqual(seen, { pairs: [[3, 'c3', 'd3']], lost: [[1, 'c1'], [2, null]] });
  pairs.put(1, 'depth', 'd1');
  assert.deepEqual(seen.lost.at(-1), [null, 'd1']);
});

test('nothing is kept after clearing, and nothing is lost twice', () => {
  const { pairs, seen } = watched();
  pairs.expect(4);
  pairs.expect(5);
  pairs.put(4, 'depth', 'd4');
  pairs.drop(5);
  pairs.drop(5);
  pairs.clear();
  pairs.clear();
  assert.deepEqual(seen, { pairs: [], lost: [[5, null], [4, 'd4']] });
});

test('luma becomes integers: invalid under half the far code, then by the square', () => {
  const codes = { farCode: 100, nearCode: 1000 };
  const luma = Uint16Array.from([0, 49, 50, 99, 100, 550, 1000, 1023]);
  const whole = wholeOf(luma, codes, new Uint16Array(8));
  assert.deepEqual([...whole], [0, 0, 1, 1, 1, 1 + Math.round((LEVELS - 1) / 4), LEVELS, LEVELS]);
  assert.deepEqual([...wholeOf(luma, { farCode: 2, nearCode: 3 }, new Uint16Array(8))].slice(0, 2), [0, LEVELS]);
});
