// The page: makes its parts and joins them. What it does is in page/, what it is made of in ui/, views/ and the rest.

import './style.css';
import { canUseCamera } from './capture/camera.js';
import { Uploader } from './capture/uploader.js';
import { Connection, takeFragment } from './connection.js';
import { Decoder } from './decode/decoder.js';
import { VideoDecoding, isVideo } from './decode/video.js';
import { actions, listenToKeys } from './page/actions.js';
import { Captures } from './page/captures.js';
import { drawFrames } from './page/drawing.js';
import { watchGestures } from './page/gestures.js';
import { Headset } from './page/headset.js';
import { Layout } from './page/layout.js';
import { Look } from './page/look.js';
import { Measuring } from './page/measuring.js';
import { messages } from './page/messages.js';
import { Packets } from './page/packets.js';
import { Playback } from './page/playback.js';
import { Sharing, later } from './page/sharing.js';
import { Standing } from './page/standing.js';
import { State } from './page/state.js';
import { Tier } from './page/tier.js';
import { Stage } from './scene.js';
import { Settings } from './settings.js';
import { Stream } from './stream.js';
import { BesideLabels } from './ui/beside.js';
import { Dock } from './ui/dock.js';
import { h } from './ui/dom.js';
import { Notices } from './ui/errors.js';
import { Film } from './ui/film.js';
import { Help } from './ui/help.js';
import { Hints } from './ui/hints.js';
import { icon } from './ui/icons.js';
import { Invite } from './ui/invite.js';
import { Legend } from './ui/legend.js';
import { Measure } from './ui/measure.js';
import { Panel } from './ui/panel.js';
import { Source } from './ui/source.js';
import { Statistics } from './ui/stats.js';
import { Status } from './ui/status.js';
import { Gallery } from './views/gallery.js';

function memoryOf(browser) {
  try {
    return browser.localStorage;
  } catch {
    return null;
  }
}

function start() {
  const parameters = new URLSearchParams(location.search);
  const memory = memoryOf(window);
  const settings = new Settings(memory);
  const asked = takeFragment();
  if (asked.view) settings.set('mode', asked.view);
  if (parameters.has('mode')) settings.set('mode', parameters.get('mode'));

  const canvas = h('canvas', { class: 'view', tabIndex: 0, 'aria-label': 'Live view in three dimensions' });
  const notices = new Notices();
  let stage;
  try {
    stage = new Stage(canvas, settings);
  } catch (error) {
    document.body.append(notices.element);
    notices.show('webgl', {
      title: 'This browser cannot draw in 3-D',
      text: 'WebGL 2 is off or missing. Turn on hardware acceleration in the browser’s settings, or use another browser.',
    });
    console.warn(error.message);
    return;
  }
  document.documentElement.classList.toggle('is-software', stage.isSoftware);
  const state = new State();
  const stream = new Stream(stage.renderer, settings);
  const gallery = new Gallery(stage, stream, settings, {
    onNote: (...words) => notices.say(...words),
    onTrouble: (...words) => notices.error(...words),
  });

  // ---- the server --------------------------------------------------------------------------------------------------
  const base = new URL('.', location.href);
  const connection = new Connection({
    base,
    token: asked.token,
    hello: () => ({ ...state.role, canvas: [canvas.width, canvas.height], ...tier.hello }),
  });
  const tell = later((path, value) => connection.send({ t: 'set', path, value }));
  const uploader = new Uploader(connection);
  const statistics = new Statistics();
  const tier = new Tier({ state, connection, notices });
  const decoder = new Decoder({
    onDecoded: (decoded) => packets.take(decoded),
    onDropped: (sequence) => packets.drop(sequence),
    onError: (message) => notices.error('A picture could not be read', message),
  });
  const video = new VideoDecoding({
    onDecoded: (decoded) => packets.take(decoded),
    onDropped: (sequence) => packets.drop(sequence),
    onLost: () => tier.lost(),
    onUnable: (reason) => tier.giveUp(reason),
  });

  // ---- what is on the page -----------------------------------------------------------------------------------------
  const source = new Source({
    uploader,
    notices,
    onChoose: (id) => playback.choose(id),
    onRole: (role) => {
      state.role = role;
      state.isOwnWanted = role.role !== 'viewer';
      connection.rejoin();
      standing.update();
    },
    onInvite: () => invite.open(),
  });
  const invite = new Invite(base);
  const dock = new Dock(settings, { onMode: choose, onAction: (name) => does[name]() });
  const panel = new Panel(settings, {
    onServerSetting: tell,
    source: source.element,
    statistics: statistics.element,
    onClose: () => layout.openPanel(false),
  });
  const help = new Help();
  const hints = new Hints(memory, matchMedia('(pointer: coarse)').matches);
  const legend = new Legend();
  const measure = new Measure(gallery);
  const film = new Film({
    onPause: () => playback.toggle(),
    onSeek: (to) => playback.seek(to),
    onScrub: (seconds) => playback.scrub(seconds),
  });
  const status = new Status();
  const beside = new BesideLabels({ onClose: () => captures.unpin() });
  const panelButton = h(
    'button',
    {
      type: 'button', class: 'action glass panel-button', 'aria-label': 'Settings', 'aria-controls': 'panel', title: 'Settings',
      onclick: () => layout.openPanel(),
    },
    icon('adjust'),
  );
  const helpButton = h(
    'button',
    { type: 'button', class: 'action glass', 'aria-label': 'Help', title: 'Keys and gestures (?)', onclick: () => help.toggle() },
    icon('help'),
  );
  document.body.append(
    h('div', { class: 'stage' }, canvas),
    beside.element,
    measure.element,
    h('header', { class: 'bar' },
      h('div', { class: 'brand glass' }, h('b', {}, 'vergence'), status.element),
      h('div', { class: 'tools' }, helpButton, panelButton)),
    panel.element,
    h('footer', { class: 'foot' }, legend.element, hints.element, film.element, dock.element),
    notices.element,
    help.element,
    invite.element,
  );

  // ---- what it does ------------------------------------------------------------------------------------------------
  const layout = new Layout({ stage, gallery, settings, panel, button: panelButton, foot: [dock, film, legend], beside, memory });
  const look = new Look({ settings, state, connection, stage, stream, gallery, dock, legend, layout, notices });
  const standing = new Standing({ state, connection, source, status, notices });
  const playback = new Playback({ state, connection, dock, film, standing });
  const captures = new Captures({ connection, gallery, beside, look, notices, canvas });
  const headset = new Headset({ stage, stream, gallery, look, dock, notices });
  const measuring = new Measuring({ settings, stage, gallery, dock, measure, notices });
  const packets = new Packets({ state, connection, statistics, stage, stream, gallery, captures, look, panel, standing, hints });
  const sharing = new Sharing({ settings, tell, isPinned: (key) => parameters.has(key) });
  const hears = messages({
    state, connection, settings, sharing, look, layout, playback, captures, standing, statistics, uploader, tier,
    dock, panel, source, film, notices,
  });
  const does = actions({
    state, connection, settings, stage, gallery, canvas, choose, headset, layout, playback, captures, measuring, help, notices,
  });

  function choose(mode) {
    if (mode === 'headset') headset.begin();
    else look.choose(mode);
  }

  connection.addEventListener('control', ({ detail }) => hears[detail.t]?.(detail));
  connection.addEventListener('packet', ({ detail }) => (isVideo(detail) ? video : decoder).push(detail));
  connection.addEventListener('state', ({ detail }) => {
    if (detail.state === 'open') uploader.reset();
    state.link = detail;
    standing.update();
  });
  window.addEventListener('pagehide', () => connection.close());
  listenToKeys(does, { help, invite });
  watchGestures({ state, settings, stage, canvas, measuring, help, notices, goHome: does.home });
  drawFrames({ state, stage, stream, gallery, packets, headset, measure, connection, uploader, statistics, notices });

  look.setBackground();
  headset.offer();
  layout.openAsRemembered(parameters.get('panel') !== '0');
  look.arrange();
  standing.update();
  const ready = tier.ask();
  if (!asked.isCameraOnly) ready.then(() => connection.open());
  source.isCameraOnly = asked.isCameraOnly;
  const filming = asked.isCamera && canUseCamera() ? source.start('camera') : null;
  if (asked.isCameraOnly) Promise.all([filming, ready]).then(() => connection.open()); // it is never sent anything
  window.vergence = { stage, stream, settings, statistics, connection, measure, views: gallery, state, uploader, source, decoder, video, tier, film }; // for tests and the curious
}

start();
