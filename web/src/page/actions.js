// What keys and buttons do, one function for each action of ui/keys.js and ui/dock.js.

import { MODES } from '../settings.js';
import { listen } from '../ui/keys.js';
import { savePicture } from './saving.js';

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const TURN = 0.06; // radians of one press of an arrow
const SHIFT = 0.04; // shares of the distance to the middle
const CLOSER = 0.1;

/** The functions by name; each takes the event of its key, where there was one. `choose(mode)` shows a mode. */
export function actions({
  state, connection, settings, stage, gallery, canvas, choose, headset, layout, playback, captures, measuring, help, notices,
}) {
  let beforeDepth = 'points';
  const size = () => (['surfels', 'splats'].includes(settings.get('mode')) ? 'splat_size' : 'point_size');
  return {
    mode: ({ key }) => choose(MODES[Number(key) - 1].id),

    depth() {
      const mode = settings.get('mode');
      if (mode !== 'depth') beforeDepth = mode;
      choose(mode === 'depth' ? beforeDepth : 'depth');
    },

    headset: () => headset.toggle(),

    pause: () => playback.toggle(),

    step: ({ key }) => playback.step(key === '.' ? 1 : -1),

    home() {
      stage.goHome();
      measuring.clear();
    },

    look({ key, shiftKey }) {
      const [x, y] = ARROWS[key.toLowerCase()];
      if (shiftKey) stage.move({ right: x * SHIFT, up: -y * SHIFT });
      else stage.move({ yaw: x * TURN, pitch: y * TURN });
    },

    zoom: ({ key }) => stage.move({ closer: key === 'PageUp' ? CLOSER : -CLOSER }),

    capture: () => captures.ask(),

    record: () => connection.send({ t: 'record', on: !state.recording }),

    snapshot: () => savePicture({ state, connection, gallery, notices, canvas }),

    measure: () => measuring.set(!measuring.isOn),

    invert: () => settings.toggle('invert'),
    orbit: () => settings.toggle('orbit'),
    parallax: () => settings.toggle('parallax'),
    grid: () => settings.toggle('grid'),
    'less-edges': () => settings.nudge('edge_cut', -1),
    'more-edges': () => settings.nudge('edge_cut', 1),
    smaller: () => settings.nudge(size(), -1),
    larger: () => settings.nudge(size(), 1),

    async fullscreen() {
      try {
        if (document.fullscreenElement) await document.exitFullscreen();
        else await document.documentElement.requestFullscreen();
      } catch (error) {
        notices.say('No full screen here', error.message);
      }
    },

    help: () => help.toggle(),

    /** Leave what was opened last. */
    escape() {
      if (measuring.isOn) measuring.set(false);
      else if (notices.shown === 'headset') notices.show(null);
      else if (captures.isShown) captures.unpin();
      else if (layout.isSheet) layout.openPanel(false);
    },
  };
}

/** Have the keys do what they are for; where a dialog is open, only what closes it. */
export function listenToKeys(table, { help, invite }) {
  listen(window, (name, event) => {
    if (invite.isOpen && name !== 'escape') return;
    if (help.isOpen && !['help', 'escape'].includes(name)) return;
    if (name === 'escape' && invite.isOpen) invite.close();
    else if (name === 'escape' && help.isOpen) help.close();
    else table[name](event);
  });
}
