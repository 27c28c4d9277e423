// Where we are: in a film, or in the last seconds of what is live, and a way to go elsewhere.

import { h } from './dom.js';
import { icon } from './icons.js';

const STEPS = 1000;
const SCRUB_EVERY = 80; // ms
const LEAST_PAST = 1; // s: less is not worth a slider

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export class Film {
  /** Seconds of the film, or null. */
  duration = null;
  /** Seconds that one can look back on something live, or null. */
  past = null;
  #isHeld = false;
  #isLookingBack = false;
  #scrubbed = 0;
  #button;
  #slider;
  #time = h('output', {});

  constructor({ onPause, onSeek, onScrub }) {
    this.#button = h('button', { type: 'button', class: 'action small', 'aria-label': 'Pause', onclick: onPause }, icon('pause'));
    this.#slider = h('input', {
      type: 'range', min: 0, max: STEPS, step: 1,
      onpointerdown: () => (this.#isHeld = true),
      onpointerup: () => (this.#isHeld = false),
      oninput: () => {
        const part = this.#slider.value / STEPS;
        this.#paint(part);
        if (this.past === null || performance.now() - this.#scrubbed < SCRUB_EVERY) return;
        this.#scrubbed = performance.now();
        onScrub((1 - part) * this.past);
      },
      onchange: () => {
        this.#isHeld = false;
        const part = this.#slider.value / STEPS;
        if (this.past === null) onSeek(part * this.duration);
        else onScrub((1 - part) * this.past);
      },
    });
    this.element = h('div', { class: 'film glass', hidden: true }, this.#button, this.#slider, this.#time);
  }

  /** Show a film's length, or how far one can look back, or neither; true where the bar came or went. */
  show({ duration = null, past = null }) {
    const wasHidden = this.element.hidden;
    this.duration = duration;
    if (!this.#isLookingBack || past === null) this.past = past !== null && past >= LEAST_PAST ? past : null;
    if (past === null) this.#isLookingBack = false;
    this.element.hidden = !this.duration && this.past === null;
    this.#slider.setAttribute('aria-label', this.duration ? 'Position in the film' : 'Look back');
    if (this.past !== null && !this.#isLookingBack && !this.#isHeld) this.#put(1);
    return wasHidden !== this.element.hidden;
  }

  #put(part) {
    this.#slider.value = STEPS * part;
    this.#paint(part);
  }

  #paint(part) {
    this.#slider.style.setProperty('--fill', `${100 * Math.min(1, part)}%`);
    const back = (1 - part) * (this.past ?? 0);
    const text = this.past === null ? `${clock(part * this.duration)} / ${clock(this.duration)}` : back < 0.05 ? 'now' : `${back.toFixed(1)} s ago`;
    this.#slider.setAttribute('aria-valuetext', text);
    this.#time.value = text;
  }

  /** The film stands at `position` seconds. */
  put(position, isPlaying) {
    if (!this.duration || position === null || position === undefined) return;
    this.setPaused(!isPlaying);
    if (!this.#isHeld) this.#put(Math.min(1, position / this.duration));
  }

  /** What is shown lies `seconds` before the newest, of `span` that one can look back. */
  putPast(seconds, span) {
    this.#isLookingBack = true;
    this.past = span;
    if (!this.#isHeld) this.#put(1 - seconds / Math.max(span, 1e-6));
  }

  setPaused(isPaused) {
    if (!isPaused && this.#isLookingBack) {
      this.#isLookingBack = false;
      if (this.past !== null) this.#put(1);
    }
    this.#button.replaceChildren(icon(isPaused ? 'play' : 'pause'));
    this.#button.setAttribute('aria-label', isPaused ? 'Play' : 'Pause');
  }
}
