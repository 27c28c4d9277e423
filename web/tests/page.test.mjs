// What the page does, with stand-ins for what it is made of.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { actions } from '../src/page/actions.js';
import { kindFor } from '../src/page/look.js';
import { insetsFor } from '../src/page/layout.js';
import { Packets } from '../src/page/packets.js';
import { Playback } from '../src/page/playback.js';
import { Sharing, later } from '../src/page/sharing.js';
import { State } from '../src/page/state.js';
import { Kind } from '../src/protocol.js';
import { Settings } from '../src/settings.js';
import { ACTIONS } from '../src/ui/dock.js';
import { KEYS } from '../src/ui/keys.js';

/** A connection that keeps what it was given. */
const wire = () => {
  const sent = [];
  return { sent, send: (message) => sent.push(message), acknowledge: (seq) => sent.push(seq) };
};

test('every key and every button does something', () => {
  const does = actions({ settings: new Settings() });
  for (const name of [...KEYS.map(({ action }) => action), ...ACTIONS.map(({ id }) => id)]) {
    assert.equal(typeof does[name], 'function', name);
  }
});

test('number keys choose views in the order of the dock, and D goes to depth and back', () => {
  const settings = new Settings();
  const chosen = [];
  const does = actions({ settings, choose: (mode) => settings.set('mode', chosen[chosen.push(mode) - 1]) });
  for (const key of '1234567') does.mode({ key });
  assert.deepEqual(chosen, ['points', 'mesh', 'surfels', 'splats', 'depth', 'stereo', 'headset']);
  settings.set('mode', 'mesh');
  does.depth();
  assert.equal(settings.get('mode'), 'depth');
  does.depth();
  assert.equal(settings.get('mode'), 'mesh');
});

test('the view keeps clear of what lies over it', () => {
  const page = { isImmersive: false, isSheet: false, panel: null, height: 800, lowest: 700 };
  assert.deepEqual(insetsFor(page), { left: 16, right: 16, top: 64, bottom: 112 });
  assert.equal(insetsFor({ ...page, panel: { width: 300, height: 700 } }).right, 332);
  const phone = { ...page, isSheet: true, panel: { width: 390, height: 350 } };
  assert.deepEqual(insetsFor(phone), { left: 0, right: 0, top: 64, bottom: 358 });
  assert.equal(insetsFor({ ...phone, height: 390 }).top, 8);
  assert.deepEqual(insetsFor({ ...page, isImmersive: true }), { left: 0, right: 0, top: 0, bottom: 0 });
});

test('a slider that moves is told once, with the last of its values', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const told = [];
  const tell = later((...what) => told.push(what), 150);
  for (const value of [1, 2, 3]) tell('a', value);
  tell('b', 9);
  mock.timers.tick(149);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, [['a', 3], ['b', 9]]);
  mock.timers.reset();
});

test('settings are shared only where a person wants that, and what comes from the server is not sent back', () => {
  const settings = new Settings();
  const told = new Map();
  const sharing = new Sharing({ settings, tell: (path, value) => told.set(path, value) });
  settings.set('invert', true);
  assert.equal(told.size, 0);
  settings.set('share', true);
  assert.equal(told.get('view.invert'), true);
  assert.ok(!told.has('view.share'));
  told.clear();
  sharing.adopt({ depth_scale: 0.5 });
  assert.equal(settings.get('depth_scale'), 0.5);
  assert.equal(told.size, 0);
});

test('a setting of the server is taken over when it changes, and then left to the person', () => {
  const settings = new Settings();
  const sharing = new Sharing({ settings, tell: () => {}, isPinned: (key) => key === 'mode' });
  sharing.adopt({ depth_scale: 0.5, mode: 'mesh', share: true, nonsense: 1, edge_cut: 'x' });
  assert.deepEqual(['depth_scale', 'mode', 'share', 'edge_cut'].map((key) => settings.get(key)), [0.5, 'points', false, 0.2]);
  settings.set('depth_scale', 1.5);
  sharing.adopt({ depth_scale: 0.5 });
  assert.equal(settings.get('depth_scale'), 1.5);
  sharing.adopt({ depth_scale: 0.6 });
  assert.equal(settings.get('depth_scale'), 0.6);
});

function player(active) {
  const [state, connection] = [new State(), wire()];
  state.sources = [{ id: 0, is_active: true, ...active }];
  const playback = new Playback({
    state, connection, dock: { press() {} }, film: { setPaused() {}, duration: 10 }, standing: { update() {} },
  });
  return { state, playback, sent: connection.sent };
}

test('a film is paused at the server, what is live in this page alone', () => {
  const film = player({ is_live: false });
  film.playback.toggle();
  film.playback.toggle();
  assert.deepEqual(film.sent, [{ t: 'pause' }, { t: 'play' }]);
  const live = player({ is_live: true });
  live.playback.toggle();
  assert.deepEqual(live.sent, [{ t: 'scrub', seconds: 0 }]);
  live.playback.choose(3);
  assert.deepEqual(live.sent.slice(1), [{ t: 'play' }, { t: 'source', id: 3 }]);
  assert.equal(live.state.isPaused, false);
});

test('nobody seeks behind the end of a film, and another source is not told to play', () => {
  const { playback, sent } = player({ is_live: false });
  playback.seek(10);
  playback.setPaused(true, false);
  playback.choose(1);
  assert.deepEqual(sent, [{ t: 'seek', to: 9.95 }, { t: 'source', id: 1 }]);
});

test('of several cameras a picture comes first, for the frame, then their points, and in Depth the picture again', () => {
  const together = { packetKinds: ['rgbd', 'splat16', 'points16'], hasPicture: true, active: { id: 999, has_points: true }, shown: 999 };
  assert.equal(kindFor('points', together), 'points16');
  assert.equal(kindFor('splats', together), 'points16');
  assert.equal(kindFor('depth', together), 'rgbd');
  assert.equal(kindFor('mesh', { ...together, shown: 1003 }), 'rgbd'); // what is framed is another source still
  assert.equal(kindFor('points', { ...together, packetKinds: ['rgbd'] }), 'rgbd');
  const alone = { ...together, active: { id: 3, has_points: false }, shown: 3 };
  assert.equal(kindFor('points', alone), 'rgbd');
  assert.equal(kindFor('splats', alone), 'splat16');
  assert.equal(kindFor('splats', { ...alone, hasPicture: false }), 'rgbd');
});

test('the newest picture is shown, older ones are counted and given back, captures go beside', () => {
  globalThis.document = { hidden: false };
  const [state, connection] = [new State(), wire()];
  const [applied, pinned, closed] = [[], [], []];
  const statistics = { dropped: 0, data: { add() {} }, bytes: { add() {} } };
  const nothing = () => {};
  const packets = new Packets({
    state, connection, statistics,
    stage: { invalidate: nothing, adopt: nothing, isHome: false },
    stream: { apply: ({ head }) => applied.push(head.sequence) === 1, hasConfidence: false },
    gallery: { dropCloud: nothing }, captures: { pin: ({ head }) => pinned.push(head.sequence) },
    look: { refresh: nothing, arrange: nothing, want: nothing }, panel: { hasConfidence: false }, standing: { update: nothing }, hints: { offer: nothing },
  });
  const push = (sequence, flags = {}) => packets.take({
    head: { kind: Kind.RGBD, sequence, flags, bytes: 9 }, content: { colour: { close: () => closed.push(sequence) } },
    milliseconds: 1, received: performance.now(),
  });
  assert.equal(packets.showNewest(), null);
  for (const sequence of [1, 2, 3]) push(sequence);
  push(4, { highQuality: true });
  assert.equal(packets.showNewest().head.sequence, 3);
  assert.equal(packets.showNewest(), null);
  assert.deepEqual([applied, pinned, closed, connection.sent, statistics.dropped], [[3], [4], [1, 2], [1, 2, 3, 4], 2]);
  assert.ok(state.hasPicture);
  globalThis.document.hidden = true; // nothing is drawn in a tab that is not seen: nothing may pile up
  push(5);
  assert.deepEqual(applied, [3, 5]);
  delete globalThis.document;
});
