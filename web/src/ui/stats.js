// What the stream does: pictures a second, bytes, and where the time between camera and screen goes.

import { h } from './dom.js';

const PARTS = [
  ['camera', 'camera'],
  ['wait', 'waiting'],
  ['read', 'reading'],
  ['infer', 'model'],
  ['steady', 'steadying'],
  ['pack', 'packing'],
  ['net', 'network'],
  ['decode', 'unpacking'],
  ['draw', 'drawing'],
];
const SMOOTH = 0.8;

const smooth = (old, next) => (old === undefined || old === null ? next : SMOOTH * old + (1 - SMOOTH) * next);
const milliseconds = (value) => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);

function bytes(value) {
  if (value < 1000) return `${Math.round(value)} B`;
  return value < 1e6 ? `${(value / 1000).toFixed(0)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Counts events of the last two seconds. */
class Rate {
  #events = [];

  add(amount = 1, now = performance.now()) {
    this.#events.push([now, amount]);
    this.#drop(now);
  }

  #drop(now) {
    while (this.#events.length && now - this.#events[0][0] > 2000) this.#events.shift();
  }

  get perSecond() {
    this.#drop(performance.now());
    return this.#events.reduce((sum, [, amount]) => sum + amount, 0) / 2;
  }
}

export class Statistics {
  data = new Rate();
  drawn = new Rate();
  bytes = new Rate();
  dropped = 0;
  parts = {};
  total = null;
  server = {};
  #values = {};
  #bar;
  #legend;

  constructor() {
    const row = (key, label) => {
      this.#values[key] = h('dd', {}, '–');
      return [h('dt', {}, label), this.#values[key]];
    };
    this.#bar = h('div', { class: 'latency-bar', 'aria-hidden': 'true' }, ...PARTS.map(([key]) => h('span', { class: `part ${key}` })));
    this.#legend = h('dl', { class: 'latency' });
    this.element = h(
      'div',
      { class: 'statistics' },
      h('dl', {}, ...row('data', 'Depth pictures'), ...row('drawn', 'Drawn'), ...row('bytes', 'Received'),
        ...row('size', 'Depth map'), ...row('elements', 'Shown'), ...row('dropped', 'Left out'), ...row('trip', 'Round trip'),
        ...row('total', 'Camera to screen')),
      this.#bar,
      this.#legend,
    );
  }

  /** A frame reached the screen. `age` and the others in ms; null where the clock is not known yet. */
  frame({ age, decode, draw, isStill }) {
    this.drawn.add();
    this.parts.decode = smooth(this.parts.decode, decode);
    this.parts.draw = smooth(this.parts.draw, draw);
    if (age === null || isStill) {
      this.total = isStill ? null : this.total;
      return;
    }
    this.total = smooth(this.total, age);
  }

  adopt(stats) {
    this.server = stats;
    this.parts.read = stats.decode_ms ?? 0;
    this.parts.infer = stats.infer_ms ?? 0;
    this.parts.steady = stats.stabilise_ms ?? 0;
    this.parts.pack = stats.pack_ms ?? 0;
  }

  /** `camera`: ms from a picture's moment until it left this page; null where another one films. */
  show({ trip, head, elements, camera = null }) {
    this.parts.camera = camera ?? 0;
    this.parts.wait = Math.max(0, (this.server.wait_ms ?? 0) - this.parts.camera);
    const put = (key, text) => (this.#values[key].textContent = text);
    put('data', `${this.data.perSecond.toFixed(1)} /s`);
    put('drawn', `${this.drawn.perSecond.toFixed(1)} /s`);
    put('bytes', `${bytes(this.bytes.perSecond)}/s`);
    put('size', head ? `${head.extension.width} × ${head.extension.height}${head.extension.isLossy ? ', film' : ''}` : '–');
    put('elements', elements ?? '–');
    put('dropped', `${this.dropped} here, ${this.server.dropped ?? 0}/s there`);
    put('trip', trip === null ? '–' : milliseconds(trip / 1000));
    put('total', this.total === null ? '–' : milliseconds(this.total));
    const known = PARTS.filter(([key]) => key !== 'net').reduce((sum, [key]) => sum + (this.parts[key] ?? 0), 0);
    this.parts.net = Math.max(0, (this.total ?? known) - known);
    const whole = known + this.parts.net || 1;
    const isLive = this.total !== null;
    this.#bar.hidden = this.#legend.hidden = !isLive;
    PARTS.forEach(([key], i) => (this.#bar.children[i].style.flexGrow = String((this.parts[key] ?? 0) / whole)));
    this.#legend.replaceChildren(
      ...PARTS.flatMap(([key, label]) => [
        h('dt', {}, h('i', { class: `part ${key}` }), label),
        h('dd', {}, milliseconds(this.parts[key] ?? 0)),
      ]),
    );
  }
}
