// Everything a person can set: one row each. The panel, the keys, the memory of the browser and the wire read this table.

export const MODES = [
  { id: 'points', label: 'Points', hint: 'one dot for every pixel' },
  { id: 'mesh', label: 'Mesh', hint: 'a surface, cut at edges' },
  { id: 'surfels', label: 'Surfels', hint: 'one small disc for every pixel' },
  { id: 'splats', label: 'Splats', hint: 'Gaussians made by the model' },
  { id: 'depth', label: 'Depth', hint: 'the depth map in colours' },
  { id: 'stereo', label: 'Stereo', hint: 'two eyes, for 3-D screens and glasses' },
  { id: 'headset', label: 'Headset', hint: 'virtual or augmented reality' },
];

const STEREO_LAYOUTS = [
  ['sbs-half', 'Side by side, half'],
  ['sbs-full', 'Side by side, full'],
  ['tab', 'Top and bottom'],
  ['anaglyph', 'Red-cyan glasses'],
  ['cross', 'Cross-eyed'],
];

const COLOUR_MAPS = [
  ['spectrum', 'Spectrum'],
  ['ember', 'Ember'],
  ['ocean', 'Ocean'],
  ['grey', 'Grey'],
];

const BACKGROUNDS = [
  ['theme', 'As the page'],
  ['black', 'Black'],
  ['white', 'White'],
  ['grey', 'Grey'],
];

const number = (key, label, group, value, min, max, step, more = {}) => ({
  key, label, group, value, min, max, step, type: 'number', ...more,
});
const choice = (key, label, group, value, options, more = {}) => ({
  key, label, group, value, options, type: 'choice', ...more,
});
const flag = (key, label, group, value, more = {}) => ({ key, label, group, value, type: 'flag', ...more });

const percent = (value) => `${Math.round(value)} %`;
const times = (value) => `${value.toFixed(2)}×`;

/** `modes`: where it has an effect; all of them where left out. `view.KEY` is its name on the wire. */
export const SETTINGS = [
  choice('mode', 'View', 'hidden', 'points', MODES.map(({ id, label }) => [id, label])),
  number('depth_scale', 'Relief', 'shape', 1, 0.1, 2, 0.05, { show: times, hint: 'how strongly near and far differ' }),
  number('near_percentile', 'Nearest', 'shape', 0, 0, 60, 0.5, {
    show: percent, hint: 'cut this share of the nearest pixels away',
  }),
  number('far_percentile', 'Farthest', 'shape', 100, 40, 100, 0.5, {
    show: percent, hint: 'keep this share, cut what lies behind',
  }),
  number('edge_cut', 'Edge cut', 'shape', 0.2, 0, 1, 0.05, {
    show: (value) => (value === 0 ? 'off' : percent(100 * value)),
    modes: ['points', 'mesh', 'surfels', 'stereo', 'headset'],
    hint: 'tear the surface where depth jumps',
  }),
  number('confidence', 'Confidence', 'shape', 0, 0, 100, 1, {
    show: percent, needs: 'confidence', hint: 'leave out what the model is less sure of',
  }),
  number('subsample', 'Every n-th pixel', 'look', 1, 1, 8, 1, {
    show: (value) => String(value), modes: ['points', 'mesh', 'surfels', 'stereo', 'headset'],
  }),
  number('point_size', 'Point size', 'look', 1.6, 0.2, 5, 0.1, { show: times, modes: ['points', 'headset'] }),
  number('splat_size', 'Splat size', 'look', 1, 0.2, 3, 0.05, { show: times, modes: ['surfels', 'splats'] }),
  choice('colouring', 'Colours', 'look', 'picture', [['picture', 'Of the picture'], ['depth', 'Of the depth']], {
    modes: ['points', 'mesh', 'surfels', 'stereo', 'headset'],
  }),
  choice('colour_map', 'Colour map', 'look', 'spectrum', COLOUR_MAPS),
  choice('background', 'Background', 'look', 'theme', BACKGROUNDS),
  flag('grid', 'Grid', 'look', false, { modes: ['points', 'mesh', 'surfels', 'splats', 'headset'] }),
  flag('side_by_side', 'Picture beside it', 'look', true, { modes: ['depth'] }),
  flag('invert', 'Swap near and far', 'shape', false),
  choice('stereo_layout', 'Layout', 'stereo', 'sbs-half', STEREO_LAYOUTS, { modes: ['stereo'] }),
  number('stereo_strength', 'Strength', 'stereo', 1, 0, 3, 0.05, { show: times, modes: ['stereo'] }),
  number('stereo_screen', 'Screen lies at', 'stereo', 40, 0, 100, 1, {
    show: (value) => `${Math.round(value)} % deep`, modes: ['stereo'], hint: 'what is nearer comes out of the screen',
  }),
  flag('swap_eyes', 'Swap eyes', 'stereo', false, { modes: ['stereo'] }),
  flag('orbit', 'Turn slowly', 'camera', false),
  flag('parallax', 'Follow the pointer', 'camera', true, { hint: 'a gentle shift, also by tilting a phone' }),
  flag('follow', 'Move with the camera', 'camera', true, { hint: 'off: stand still in the world while the camera moves' }),
  flag('share', 'Same view for everyone', 'camera', false, { hint: 'what is set here is set on all pages that watch this stream' }),
  number('view_fov', 'Lens of the view', 'camera', 0, 0, 110, 1, {
    show: (value) => (value === 0 ? 'as filmed' : `${value}°`),
  }),
];

/** Settings of the server: `path` as in docs/protocol.md, their values come with every `config`. */
export const SERVER_SETTINGS = [
  {
    path: 'stabilise.method', label: 'Steady depth', type: 'flag', on: 'gated', off: 'none',
    hint: 'off: raw depth of every frame, to compare',
  },
  { path: 'stabilise.half_life', label: 'Smoothing', type: 'number', min: 0.02, max: 2, step: 0.02, show: (v) => `${v.toFixed(2)} s` },
  {
    path: 'camera.fov', label: 'Lens of the camera', type: 'number', min: 0, max: 130, step: 1, none: 0,
    show: (value) => (value === 0 ? 'automatic' : `${Math.round(value)}°`), hint: 'horizontal field of view of the source',
  },
  {
    path: 'outliers.std_ratio', label: 'Lone points', type: 'number', min: 0, max: 3, step: 0.1, none: 0,
    show: (value) => (value === 0 ? 'kept' : `over ${value.toFixed(1)} σ`), hint: 'leave out points that lie farther from their neighbours than most',
  },
  { path: 'picture.side', label: 'Picture size', type: 'number', min: 160, max: 1280, step: 16, show: (v) => `${v} px` },
  {
    path: 'stream.tier', label: 'Bandwidth', type: 'choice',
    options: [['auto', 'Automatic'], ['exact', 'Exact depth'], ['video', 'Low, as film']],
    hint: 'as film: a tenth of the bytes, edges of depth less sharp',
  },
  {
    path: 'depth.bits', label: 'Depth precision', type: 'choice',
    options: [['auto', 'Automatic'], [12, '12 bit'], [16, '16 bit']],
  },
];

const BY_KEY = new Map(SETTINGS.map((row) => [row.key, row]));

/** The value, made to fit its row; undefined where it cannot. */
export function fit(key, value) {
  const row = BY_KEY.get(key);
  if (!row) return undefined;
  if (row.type === 'flag') return typeof value === 'boolean' ? value : undefined;
  if (row.type === 'choice') return row.options.some(([id]) => id === value) ? value : undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(row.max, Math.max(row.min, value));
}

/** The values of this page: `get`, `set`, `onChange`, kept in the browser between visits. */
export class Settings {
  #values = Object.fromEntries(SETTINGS.map(({ key, value }) => [key, value]));
  #listeners = new Set();
  #memory;

  constructor(memory = null) {
    this.#memory = memory;
    for (const [key, value] of Object.entries(read(memory))) {
      const fitting = fit(key, value);
      if (fitting !== undefined) this.#values[key] = fitting;
    }
  }

  get(key) {
    return this.#values[key];
  }

  get values() {
    return this.#values;
  }

  /** `origin`: 'user' or 'server'; only what a person changed is told to other viewers. */
  set(key, value, origin = 'user') {
    const fitting = fit(key, value);
    if (fitting === undefined || fitting === this.#values[key]) return;
    const before = this.#values[key];
    this.#values[key] = fitting;
    try {
      this.#memory?.setItem('vergence.view', JSON.stringify(this.#values));
    } catch {
      // A browser that keeps nothing shows the same page.
    }
    for (const listener of this.#listeners) listener(key, fitting, { origin, before });
  }

  toggle(key) {
    this.set(key, !this.get(key));
  }

  /** Move a number by whole steps. */
  nudge(key, steps) {
    const { step } = BY_KEY.get(key);
    this.set(key, Number((this.get(key) + steps * step).toFixed(4)));
  }

  reset() {
    for (const { key, value } of SETTINGS) if (key !== 'mode') this.set(key, value);
  }

  onChange(listener) {
    this.#listeners.add(listener);
  }
}

function read(memory) {
  try {
    return JSON.parse(memory?.getItem('vergence.view') ?? '{}') ?? {};
  } catch {
    return {};
  }
}
