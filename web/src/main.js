// The page: joins the connection, the decoder, the stage with its views, and the controls.

import './style.css';
import { canUseCamera } from './capture/camera.js';
import { Uploader } from './capture/uploader.js';
import { Connection, takeFragment } from './connection.js';
import { Decoder } from './decode/decoder.js';
import { Kind } from './protocol.js';
import { Stage } from './scene.js';
import { Settings, fit } from './settings.js';
import { Stream } from './stream.js';
import { BesideLabels } from './ui/beside.js';
import { Dock } from './ui/dock.js';
import { h } from './ui/dom.js';
import { Notices } from './ui/errors.js';
import { Film, clock } from './ui/film.js';
import { Help } from './ui/help.js';
import { Hints } from './ui/hints.js';
import { icon } from './ui/icons.js';
import { Invite } from './ui/invite.js';
import { listen } from './ui/keys.js';
import { Legend } from './ui/legend.js';
import { Measure } from './ui/measure.js';
import { Panel } from './ui/panel.js';
import { askForTilt, watchIdle, watchPointer, watchTilt } from './ui/pointer.js';
import { Source } from './ui/source.js';
import { Statistics } from './ui/stats.js';
import { Status, cardFor } from './ui/status.js';
import { GEOMETRIES, Gallery } from './views/gallery.js';
import { HeadsetView, headsets } from './views/xr.js';

const SHEET = matchMedia('(max-width: 720px)');
const LIGHT = matchMedia('(prefers-color-scheme: light)');
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
const SHORT = 480; // px: a phone on its side
const IDLE_AFTER = 3000; // ms
const ASKING = ['headset', 'lost']; // cards that only a person takes away
const SHARED_AFTER = 150; // ms: a slider that moves is told once

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
  const stream = new Stream(stage.renderer, settings);
  const gallery = new Gallery(stage, stream, settings, {
    onNote: (...words) => notices.say(...words),
    onTrouble: (...words) => notices.error(...words),
  });

  const state = {
    hello: null, sources: [], hasSources: false, packetKinds: ['rgbd'], wanted: 'rgbd', link: { state: 'connecting' },
    isPaused: false, recording: null, waiting: null, hasPicture: false, beforeDepth: 'points',
    role: { role: 'viewer' }, isOwnWanted: false, shown: 0,
  };

  // ---- the connection ----------------------------------------------------------------------------------------------
  const base = new URL('.', location.href);
  const connection = new Connection({
    base,
    token: asked.token,
    hello: () => ({ ...state.role, canvas: [canvas.width, canvas.height] }),
  });
  const uploader = new Uploader(connection);
  const statistics = new Statistics();
  const decoder = new Decoder({
    onDecoded: decoded,
    onDropped: (sequence) => {
      statistics.dropped++;
      connection.acknowledge(sequence);
    },
    onError: (message) => notices.error('A picture could not be read', message),
  });

  // ---- the controls ------------------------------------------------------------------------------------------------
  const source = new Source({
    uploader,
    notices,
    onChoose: (id) => {
      if (state.isPaused && active()?.is_live) setPaused(false);
      else setPaused(false, false);
      connection.send({ t: 'source', id });
    },
    onRole: (role) => {
      state.role = role;
      state.isOwnWanted = role.role !== 'viewer';
      connection.rejoin();
      updateStatus();
      updateCard();
    },
    onInvite: () => invite.open(),
  });
  const invite = new Invite(base);
  const dock = new Dock(settings, { onMode: chooseMode, onAction: act });
  const panel = new Panel(settings, {
    onServerSetting: later((path, value) => connection.send({ t: 'set', path, value })),
    source: source.element,
    statistics: statistics.element,
    onClose: () => openPanel(false),
  });
  const help = new Help();
  const hints = new Hints(memory, matchMedia('(pointer: coarse)').matches);
  const legend = new Legend();
  const measure = new Measure(stage, stream, () => (settings.get('mode') === 'depth' ? gallery.depth : null));
  const film = new Film({
    onPause: () => act('pause'),
    onSeek: (to) => connection.send({ t: 'seek', to: Math.min(to, film.duration - 0.05) }),
    onScrub: (seconds) => {
      setPaused(true, false);
      connection.send({ t: 'scrub', seconds });
    },
  });
  const status = new Status();
  const beside = new BesideLabels({ onClose: () => unpin() });
  const panelButton = h(
    'button',
    { type: 'button', class: 'action glass panel-button', 'aria-label': 'Settings', 'aria-controls': 'panel', title: 'Settings', onclick: () => openPanel() },
    icon('adjust'),
  );
  const helpButton = h('button', { type: 'button', class: 'action glass', 'aria-label': 'Help', title: 'Keys and gestures (?)', onclick: () => help.toggle() }, icon('help'));
  const eye = h('div', { class: 'stage' }, canvas);
  document.body.append(
    eye,
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

  // ---- packets -----------------------------------------------------------------------------------------------------
  function decoded({ head, content, milliseconds, received }) {
    const since = performance.now() - received;
    connection.acknowledge(head.sequence, since);
    statistics.data.add();
    statistics.bytes.add(head.bytes);
    if (head.kind === Kind.FILE) {
      keep(new Blob([content.file]), head.extension.name);
      return;
    }
    if (head.flags.highQuality && head.kind === Kind.RGBD) {
      pin({ head, content });
      return;
    }
    if (state.waiting?.head.kind === head.kind) {
      state.waiting.content.colour?.close();
      statistics.dropped++;
    }
    if (head.kind === Kind.RGBD) state.waiting = { head, content, milliseconds, at: performance.now() };
    else if (head.kind === Kind.SPLAT16) gallery.showSplats({ head, content });
    else if (head.kind === Kind.POINTS16) gallery.showCloud({ head, content });
    if (document.hidden) takeWaiting(); // no animation frames come: keep the memory of one picture, not of many
    stage.invalidate();
  }

  function takeWaiting() {
    const { waiting } = state;
    if (!waiting) return null;
    state.waiting = null;
    const hadConfidence = stream.hasConfidence;
    const isNew = stream.apply(waiting);
    stage.adopt(stream);
    refresh();
    if (hadConfidence !== stream.hasConfidence) panel.showFor(settings.get('mode'), { hasConfidence: stream.hasConfidence });
    if (!state.hasPicture || isNew) {
      state.hasPicture = true;
      if (isNew && stage.isHome) stage.goHome();
      arrange();
      updateCard();
      hints.offer();
    }
    return waiting;
  }

  // ---- what is seen ------------------------------------------------------------------------------------------------
  const headset = new HeadsetView(stage, {
    onSelect: () => {
      const at = GEOMETRIES.indexOf(gallery.geometry);
      gallery.geometry = GEOMETRIES[(at + 1) % GEOMETRIES.length];
      arrange();
    },
    onEnd: () => {
      setBackground();
      stage.resize();
      stage.place(stream);
      chooseMode(gallery.geometry);
    },
  });

  async function chooseMode(mode) {
    if (mode === 'headset') {
      const { vr, ar } = await headsets();
      if (vr && ar) askWhichHeadset();
      else await enterHeadset();
      return;
    }
    if (mode === 'splats' && !state.packetKinds.includes('splat16')) {
      notices.say('This model makes no Gaussians', 'Surfels are splats made from the depth: they are shown with 3.');
      return;
    }
    settings.set('mode', mode);
  }

  function askWhichHeadset() {
    const enter = (kind) => () => {
      notices.show(null);
      enterHeadset(kind);
    };
    notices.show('headset', {
      title: 'Into the headset',
      text: 'The stick turns and moves, with the grip it changes the size; the trigger changes the view.',
      buttons: [
        { label: 'Around me', isMain: true, onclick: enter('immersive-vr') },
        { label: 'In my room', onclick: enter('immersive-ar') },
        { label: 'Cancel', onclick: () => notices.show(null) },
      ],
    });
  }

  async function enterHeadset(kind) {
    const { vr, reason } = await headsets();
    if (reason === 'insecure') {
      notices.say('A headset needs https', 'Start the server with --tls and open the address it prints in the headset’s browser.');
    } else if (reason) {
      notices.say('No headset here', 'Open this page in the browser of the headset, or connect one to this computer.');
    } else {
      try {
        await headset.enter(kind ?? (vr ? 'immersive-vr' : 'immersive-ar'));
        stage.place(stream);
        arrange();
        dock.choose('headset');
      } catch (error) {
        notices.error('The headset did not start', error.message);
      }
    }
  }

  /** Ask for the packets that the mode is made of; depth comes first, for the view's frame. */
  function want() {
    const isSplats = settings.get('mode') === 'splats' && state.packetKinds.includes('splat16') && state.hasPicture;
    const kind = isSplats ? 'splat16' : 'rgbd';
    if (kind === state.wanted) return;
    state.wanted = kind;
    connection.send({ t: 'want', kind });
  }

  function arrange() {
    document.body.dataset.mode = settings.get('mode');
    want();
    gallery.arrange();
    showLegend();
    beside.place(gallery.beside.isShown ? stage.halves : null);
  }

  function refresh() {
    gallery.refresh();
    showLegend();
  }

  function showLegend() {
    const mode = settings.get('mode');
    const wasHidden = legend.element.hidden;
    const isColoured = mode === 'depth' || (settings.get('colouring') === 'depth' && mode !== 'splats');
    legend.show(Boolean(state.hasPicture && stream.range && isColoured), {
      range: stream.range, isMetric: stream.isMetric, palette: settings.get('colour_map'), isInverted: settings.get('invert'),
    });
    if (wasHidden !== legend.element.hidden) layout();
  }

  let before = performance.now();
  let lastStatistics = 0;
  stage.renderer.setAnimationLoop(() => {
    const now = performance.now();
    const seconds = Math.min(0.1, (now - before) / 1000);
    before = now;
    if (headset.session) {
      headset.advance(seconds);
      stage.place(stream);
    }
    const taken = takeWaiting();
    const isChanged = stage.advance(seconds) || stage.renderer.xr.isPresenting;
    if (isChanged) {
      gallery.render();
      measure.draw();
      state.shown++;
    }
    if (taken) {
      const { clock } = connection;
      const age = clock.isKnown ? (clock.now() - taken.head.time) / 1000 : null;
      statistics.frame({ age, decode: taken.milliseconds, draw: performance.now() - taken.at, isStill: taken.head.flags.still });
    }
    if (now - lastStatistics > 500) {
      lastStatistics = now;
      statistics.show({ trip: connection.clock.trip, head: stream.head, elements: gallery.count });
    }
  });

  // ---- settings ----------------------------------------------------------------------------------------------------
  const share = later((path, value) => connection.send({ t: 'set', path, value }));
  let lastView = {};
  settings.onChange((key, value, { origin }) => {
    if (origin === 'user' && settings.get('share')) {
      const told = key === 'share' ? Object.keys(settings.values) : [key];
      for (const name of told.filter((each) => each !== 'share')) share(`view.${name}`, settings.get(name));
    }
    if (key === 'colour_map') for (const each of [stream, gallery.beside.stream]) each.setPalette(value);
    if (key === 'background') setBackground();
    if (key === 'mode') {
      setBackground();
      dock.choose(value);
      measure.hover(null);
      layout();
      arrange();
      stir();
    } else refresh();
    if (key === 'colouring') panel.showFor(settings.get('mode'));
    if (key === 'parallax' && value && origin === 'user') {
      askForTilt().then((isAllowed) => isAllowed || notices.say('No tilt without leave', 'Allow motion sensors for this page.'));
    }
    stage.invalidate();
  });

  /** Take over what the server or another viewer has changed, once: what a person sets here stays. */
  function adoptConfig(config) {
    panel.adopt(config);
    if (config.picture?.side) uploader.side = config.picture.side; // more would be thrown away
    for (const [key, value] of Object.entries(config.view ?? {})) {
      if (key !== 'share' && lastView[key] !== value && fit(key, value) !== undefined && !parameters.has(key)) settings.set(key, value, 'server');
    }
    lastView = { ...config.view };
  }

  function later(action) {
    const timers = new Map();
    return (key, value) => {
      clearTimeout(timers.get(key));
      timers.set(key, setTimeout(() => action(key, value), SHARED_AFTER));
    };
  }

  // ---- messages of the server --------------------------------------------------------------------------------------
  const hear = {
    hello(message) {
      state.hello = message;
      state.packetKinds = message.modes ?? ['rgbd'];
      state.wanted = 'rgbd';
      state.recording = null;
      want();
      const isMissing = !state.packetKinds.includes('splat16');
      panel.showPlayers(message.stereo ?? []);
      dock.enableMode('splats', !isMissing, 'this model makes no Gaussians');
      if (isMissing && settings.get('mode') === 'splats') settings.set('mode', 'surfels');
      if (state.isOwnWanted && typeof message.source === 'number') {
        state.isOwnWanted = false;
        connection.send({ t: 'source', id: message.source });
      }
      const { name, instead_of: asked } = message.model ?? {};
      if (asked) notices.say(`${asked} does not fit this machine’s memory`, `Depth is by ${name}, the next smaller one.`, { stays: true });
      updateStatus();
      updateCard();
    },
    config: ({ settings: config }) => adoptConfig(config ?? {}),
    sources({ sources }) {
      state.sources = sources;
      state.hasSources = true;
      source.show(sources);
      film.show(active()?.is_live ? { past: film.past } : { duration: active()?.duration ?? null });
      layout();
      updateStatus();
      updateCard();
    },
    stats(message) {
      statistics.adopt(message);
      if (active()?.is_live && film.show({ past: message.past ?? 0 })) layout();
      film.put(message.position, message.is_playing);
      if (message.is_playing !== undefined && message.position !== null) setPaused(!message.is_playing, false);
    },
    ack: ({ seq }) => uploader.acknowledge(seq),
    capture({ state: step, progress, url, msg }) {
      if (step === 'failed') notices.error('The capture failed', msg ?? 'The server gives no reason.');
      else if (step === 'done') {
        const address = url && new URL(url, location.href).href;
        beside.tell({ by: msg, url: address });
        notices.say('Captured in high quality', msg ?? '', { action: address && h('a', { href: address, download: '' }, 'Save the file') });
      } else notices.say(`Capturing… ${Math.round(100 * (progress ?? 0))} %`, msg ?? '');
    },
    past: ({ seconds, span }) => state.isPaused && film.putPast(seconds, span), // an answer may come late
    snapshot({ files, folder, msg }) {
      if (msg) notices.error('The server could not save the picture', msg);
      else notices.say('Picture and depth saved', `${files.join(', ')} in ${folder}`);
    },
    record({ on, seconds, url, msg }) {
      const wasOn = Boolean(state.recording);
      state.recording = on ? { seconds } : null;
      dock.press('record', on);
      updateStatus();
      if (on || !wasOn) return;
      const link = url && h('a', { href: new URL(url, location.href).href, download: '' }, 'Save it');
      notices.say(`Recorded ${clock(seconds)}`, msg || 'vergence live FILE.vgr shows it again, without a model.', { action: link });
    },
    error: ({ msg, hint }) => notices.error(msg ?? 'The server refused that', hint ?? ''),
    bye: ({ msg }) => notices.say('The server says goodbye', msg ?? ''),
  };
  connection.addEventListener('control', ({ detail }) => hear[detail.t]?.(detail));
  connection.addEventListener('packet', ({ detail }) => decoder.push(detail));
  connection.addEventListener('state', ({ detail }) => {
    if (detail.state === 'open') uploader.reset();
    state.link = detail;
    updateStatus();
    updateCard();
  });

  const active = () => state.sources.find((each) => each.is_active);

  function updateStatus() {
    status.show({
      link: connection.state, source: active()?.name ?? null, model: state.hello?.model?.name ?? null, recording: state.recording,
      isPaused: state.isPaused,
    });
  }

  function updateCard() {
    const { link, hasPicture, hello, hasSources } = state;
    const isFilming = Boolean(source.running) && source.isCameraOnly;
    const isChoosing = link.state === 'open' && Boolean(hello) && hasSources && !source.running && !active();
    const [key, content] = cardFor({ link, hasPicture, isChoosing, isFilming }, {
      retry: () => connection.retry(), camera: () => source.start('camera'), screen: () => source.start('screen'),
      watch: () => source.watch(), stop: () => source.stop(),
    });
    if (key !== null || !ASKING.includes(notices.shown)) notices.show(key, content);
  }

  // ---- actions -----------------------------------------------------------------------------------------------------
  function setPaused(isPaused, isTold = true) {
    if (isPaused === state.isPaused) return;
    state.isPaused = isPaused;
    dock.press('pause', isPaused);
    film.setPaused(isPaused);
    // What is live stands still here only: this page looks back by nothing.
    if (isTold) connection.send(isPaused && active()?.is_live ? { t: 'scrub', seconds: 0 } : { t: isPaused ? 'pause' : 'play' });
    updateStatus();
  }

  /** Show a capture beside the stream, which goes on. */
  function pin(packet) {
    gallery.beside.show(packet);
    beside.tell({});
    arrange();
  }

  function unpin() {
    gallery.beside.close();
    arrange();
    canvas.focus();
  }

  function keep(blob, name) {
    const address = URL.createObjectURL(blob);
    const link = h('a', { href: address, download: name || 'vergence' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  function snapshot() {
    gallery.render(); // the drawing buffer is empty after it was shown
    canvas.toBlob((blob) => {
      if (!blob) return;
      const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
      keep(blob, `vergence_${stamp}.png`);
      notices.say('Picture saved', 'It is where this browser keeps its downloads.');
      if (state.hello?.snapshots) connection.send({ t: 'snapshot' }); // with its depth, beside the server
    }, 'image/png');
  }

  async function fullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen();
    } catch (error) {
      notices.say('No full screen here', error.message);
    }
  }

  function setMeasuring(isOn) {
    measure.setOn(isOn);
    dock.press('measure', isOn);
    document.body.classList.toggle('is-measuring', isOn);
    if (isOn) {
      notices.say(
        'Click two points',
        stream.isMetric ? 'The distance between them is in metres.' : 'This model gives no metres: lengths are in units of its own.',
      );
    }
    stage.invalidate();
  }

  const size = () => (['surfels', 'splats'].includes(settings.get('mode')) ? 'splat_size' : 'point_size');
  const actions = {
    mode: (event) => {
      const chosen = ['points', 'mesh', 'surfels', 'splats', 'depth', 'stereo', 'headset'][Number(event.key) - 1];
      chooseMode(chosen);
    },
    pause: () => setPaused(!state.isPaused),
    home: () => {
      stage.goHome();
      measure.clear();
    },
    capture: () => connection.send({ t: 'capture', quality: 'high' }),
    record: () => connection.send({ t: 'record', on: !state.recording }),
    snapshot,
    measure: () => setMeasuring(!measure.isOn),
    depth: () => {
      const mode = settings.get('mode');
      if (mode !== 'depth') state.beforeDepth = mode;
      chooseMode(mode === 'depth' ? state.beforeDepth : 'depth');
    },
    invert: () => settings.toggle('invert'),
    orbit: () => settings.toggle('orbit'),
    parallax: () => settings.toggle('parallax'),
    grid: () => settings.toggle('grid'),
    'less-edges': () => settings.nudge('edge_cut', -1),
    'more-edges': () => settings.nudge('edge_cut', 1),
    smaller: () => settings.nudge(size(), -1),
    larger: () => settings.nudge(size(), 1),
    fullscreen,
    headset: () => (headset.session ? headset.leave() : enterHeadset()),
    look: (event) => {
      const step = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] }[event.key.toLowerCase()];
      if (event.shiftKey) stage.move({ right: step[0] * 0.04, up: -step[1] * 0.04 });
      else stage.move({ yaw: step[0] * 0.06, pitch: step[1] * 0.06 });
    },
    zoom: (event) => stage.move({ closer: event.key === 'PageUp' ? 0.1 : -0.1 }),
    step: (event) => connection.send({ t: 'step', frames: event.key === '.' ? 1 : -1 }),
    help: () => help.toggle(),
    escape: () => {
      if (measure.isOn) setMeasuring(false);
      else if (notices.shown === 'headset') notices.show(null);
      else if (gallery.beside.isShown) unpin();
      else if (SHEET.matches) openPanel(false);
    },
  };

  function act(name, event) {
    actions[name]?.(event);
  }
  listen(window, (name, event) => {
    if (invite.isOpen && name !== 'escape') return;
    if (help.isOpen && !['help', 'escape'].includes(name)) return;
    if (name === 'escape' && invite.isOpen) invite.close();
    else if (name === 'escape' && help.isOpen) help.close();
    else act(name, event);
  });

  // ---- pointer -----------------------------------------------------------------------------------------------------
  watchPointer(canvas, {
    onClick: (x, y) => {
      if (measure.isOn && !measure.click(x, y)) notices.say('Nothing was measured there', 'Click on the surface.');
      stage.invalidate();
    },
    onHover: (x, y) => measure.hover(x, y),
    onMove: (place) => (stage.pointer = place),
  });
  watchTilt((place) => (stage.pointer = place));
  canvas.addEventListener('dblclick', () => !measure.isOn && act('home'));
  // In stereo and on a full screen the controls step back when nobody moves.
  const stir = watchIdle(IDLE_AFTER, (isIdle) => {
    const isWanted = settings.get('mode') === 'stereo' || document.fullscreenElement;
    document.body.classList.toggle('is-idle', Boolean(isIdle && isWanted && state.hasPicture && !help.isOpen));
  });

  // ---- layout ------------------------------------------------------------------------------------------------------
  function openPanel(isOpen = !document.body.classList.contains('has-panel')) {
    document.body.classList.toggle('has-panel', isOpen);
    panel.element.inert = !isOpen;
    panelButton.setAttribute('aria-expanded', String(isOpen));
    try {
      if (!SHEET.matches) memory?.setItem('vergence.panel', isOpen ? 'open' : 'closed');
    } catch {
      // Not remembered, then.
    }
    if (!isOpen && panel.element.contains(document.activeElement)) panelButton.focus();
    layout();
  }

  function layout() {
    const isOpen = document.body.classList.contains('has-panel');
    const isImmersive = settings.get('mode') === 'stereo';
    const lowest = Math.min(...[dock, film, legend].filter(({ element }) => !element.hidden).map(({ element }) => element.getBoundingClientRect().top));
    stage.insets = isImmersive
      ? { left: 0, right: 0, top: 0, bottom: 0 }
      : {
        left: SHEET.matches ? 0 : 16,
        right: isOpen && !SHEET.matches ? panel.element.offsetWidth + 32 : SHEET.matches ? 0 : 16,
        top: innerHeight < SHORT ? 8 : 64,
        bottom: SHEET.matches && isOpen ? panel.element.offsetHeight + 8 : innerHeight - lowest + 12,
      };
    stage.resize();
    beside.place(gallery.beside.isShown ? stage.halves : null);
  }

  function setBackground() {
    const theme = getComputedStyle(document.documentElement).getPropertyValue('--stage').trim();
    stage.setBackground(settings.get('background'), settings.get('mode') === 'stereo' ? '#000000' : theme); // light beside a picture is seen by the wrong eye
  }

  function setStill() {
    stage.isStill = STILL.matches;
  }

  new ResizeObserver(layout).observe(eye);
  LIGHT.addEventListener('change', setBackground);
  SHEET.addEventListener('change', () => openPanel(!SHEET.matches));
  STILL.addEventListener('change', setStill);
  canvas.addEventListener('webglcontextlost', (event) => {
    event.preventDefault();
    notices.show('lost', {
      title: 'The graphics card stopped',
      text: 'It may have run out of memory. Reload the page; if it happens again, choose a smaller picture size.',
      buttons: [{ label: 'Reload', isMain: true, onclick: () => location.reload() }],
    });
  });
  window.addEventListener('pagehide', () => connection.close());

  setStill();
  setBackground();
  headsets().then(({ reason }) => {
    const why = { insecure: 'needs https (--tls)', browser: 'not in this browser', device: 'none is connected' }[reason];
    dock.enableMode('headset', !reason, why);
  });
  const remembered = memory?.getItem?.('vergence.panel');
  openPanel(!SHEET.matches && innerHeight >= 560 && remembered !== 'closed' && parameters.get('panel') !== '0');
  arrange();
  updateStatus();
  updateCard();
  if (!asked.isCameraOnly) connection.open();
  source.isCameraOnly = asked.isCameraOnly;
  const filming = asked.isCamera && canUseCamera() ? source.start('camera') : null;
  if (asked.isCameraOnly) Promise.resolve(filming).then(() => connection.open()); // it is never sent anything
  window.vergence = { stage, stream, settings, statistics, connection, measure, views: gallery, state, uploader, source, decoder, film }; // for tests and the curious
}

start();
