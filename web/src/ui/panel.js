// The panel: rows from the tables of settings, in sections. At phone width the same panel is a sheet from below.

import { SERVER_SETTINGS, SETTINGS } from '../settings.js';
import { h } from './dom.js';
import { icon } from './icons.js';

const SECTIONS = [
  ['shape', 'Depth'],
  ['look', 'Look'],
  ['stereo', 'Stereo'],
  ['camera', 'Camera'],
];

let numbered = 0;

function slider({ label, hint, min, max, step, show }, value, onInput) {
  const id = `row-${++numbered}`;
  const output = h('output', { htmlFor: id });
  const input = h('input', { id, type: 'range', min, max, step, title: hint ?? '', oninput: () => {
    paint();
    onInput(Number(input.value));
  } });
  const paint = () => {
    output.value = show(Number(input.value));
    input.setAttribute('aria-valuetext', output.value);
    input.style.setProperty('--fill', `${(100 * (input.value - min)) / (max - min)}%`);
  };
  const put = (next) => {
    input.value = next;
    paint();
  };
  put(value);
  return { element: h('div', { class: 'row slider', title: hint ?? '' }, h('label', { htmlFor: id }, label), output, input), put };
}

function toggle({ label, hint }, value, onInput) {
  const id = `row-${++numbered}`;
  const input = h('input', { id, type: 'checkbox', role: 'switch', checked: value, onchange: () => onInput(input.checked) });
  return {
    element: h('div', { class: 'row toggle', title: hint ?? '' }, h('label', { htmlFor: id }, label), input),
    put: (next) => (input.checked = next),
  };
}

function select({ label, hint, options }, value, onInput) {
  const id = `row-${++numbered}`;
  const find = (text) => options.find(([option]) => String(option) === text)[0];
  const input = h(
    'select',
    { id, onchange: () => onInput(find(input.value)) },
    ...options.map(([option, text]) => h('option', { value: String(option) }, text)),
  );
  input.value = String(value);
  return {
    element: h('div', { class: 'row select', title: hint ?? '' }, h('label', { htmlFor: id }, label), input),
    put: (next) => (input.value = String(next)),
  };
}

const MAKE = { number: slider, flag: toggle, choice: select };

function section(title, isOpen, ...children) {
  return h('details', { class: 'section', open: isOpen }, h('summary', {}, title), h('div', { class: 'rows' }, ...children));
}

export class Panel {
  hasConfidence = false;
  #settings;
  #rows = new Map();
  #server = new Map();
  #sections = new Map();

  constructor(settings, { onServerSetting, source, statistics, onClose }) {
    this.#settings = settings;
    const groups = SECTIONS.map(([group, title]) => {
      const rows = SETTINGS.filter((row) => row.group === group).map((row) => {
        const made = MAKE[row.type](row, settings.get(row.key), (value) => settings.set(row.key, value));
        this.#rows.set(row.key, { ...made, row });
        return made.element;
      });
      const made = section(title, group === 'shape' || group === 'stereo', ...rows);
      this.#sections.set(group, made);
      return made;
    });
    const server = SERVER_SETTINGS.map((row) => {
      const onInput = (value) => onServerSetting(row.path, toServer(row, value));
      const made = MAKE[row.type](row, row.type === 'flag' ? true : (row.min ?? row.options[0][0]), onInput);
      this.#server.set(row.path, { ...made, row });
      return made.element;
    });
    this.element = h(
      'aside',
      { class: 'panel glass', id: 'panel', 'aria-label': 'Settings' },
      h('div', { class: 'grip', 'aria-hidden': 'true' }),
      h('div', { class: 'panel-head' }, h('h2', {}, 'Settings'),
        h('button', { type: 'button', class: 'action small', 'aria-label': 'Close the settings', onclick: onClose }, icon('close'))),
      h(
        'div',
        { class: 'panel-body' },
        section('Source', true, source),
        ...groups,
        section('Stream', false, ...server),
        section('Statistics', false, statistics),
        h('div', { class: 'panel-foot' },
          h('button', { type: 'button', class: 'quiet', onclick: () => settings.reset() }, 'Reset all settings')),
      ),
    );
    settings.onChange((key, value) => {
      this.#rows.get(key)?.put(value);
      if (key === 'mode' || key === 'colouring') this.show();
    });
    this.show();
  }

  /** Show the rows that have an effect now. `hasConfidence`: pictures say how sure their depth is. */
  show({ hasConfidence = this.hasConfidence } = {}) {
    this.hasConfidence = hasConfidence;
    const mode = this.#settings.get('mode');
    for (const { element, row } of this.#rows.values()) {
      const isUseful = (!row.modes || row.modes.includes(mode)) && (row.needs !== 'confidence' || hasConfidence);
      element.hidden = !isUseful;
    }
    const isFlat = mode === 'depth';
    this.#rows.get('depth_scale').element.hidden = isFlat;
    const colours = this.#settings.get('colouring') === 'depth' || isFlat;
    this.#rows.get('colour_map').element.hidden = !colours || mode === 'splats';
    this.#sections.get('camera').hidden = isFlat || mode === 'stereo';
    this.#sections.get('shape').hidden = mode === 'splats';
    this.#sections.get('stereo').hidden = mode !== 'stereo';
  }

  /** Addresses of the stereo picture for players that are no browsers. */
  showPlayers(paths) {
    this.players ??= h('p', { class: 'note' });
    const links = paths.map((path) => h('a', { href: new URL(path.replace(/^\//, ''), location.href).href, target: '_blank', rel: 'noopener' }, path));
    this.players.replaceChildren('For players: ', ...links.flatMap((link, i) => (i ? [', ', link] : [link])));
    this.players.hidden = links.length === 0;
    this.#sections.get('stereo').querySelector('.rows').append(this.players);
  }

  /** Take over the server's settings, nested as it sends them. */
  adopt(settings) {
    for (const [path, { put, row }] of this.#server) {
      const value = path.split('.').reduce((level, name) => level?.[name], settings);
      if (value !== undefined) put(fromServer(row, value));
    }
  }
}

function toServer(row, value) {
  if (row.type === 'flag') return value ? row.on : row.off;
  return row.none === value ? null : value;
}

function fromServer(row, value) {
  if (row.type === 'flag') return value !== row.off;
  return value === null ? row.none : value;
}
