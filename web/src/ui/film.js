// Where we are in a film, and a way to go elsewhere.

import { h } from './dom.js';
import { icon } from './icons.js';

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export class Film {
  duration = null;
  #isHeld = false;
  #button;
  #slider;
  #time = h('output', {});

  constructor({ onPause, onSeek }) {
    this.#button = h('button', { type: 'button', class: 'action small', 'aria-label': 'Pause', onclick: onPause }, icon('pause'));
    this.#slider = h('input', {
      type: 'range', min: 0, max: 1000, step: 1, 'aria-label': 'Position in the film',
      onpointerdown: () => (this.#isHeld = true),
      onpointerup: () => (this.#isHeld = false),
      oninput: () => this.#paint((this.#slider.value / 1000) * this.duration),
      onchange: () => {
        this.#isHeld = false;
        onSeek((this.#slider.value / 1000) * this.duration);
      },
    });
    this.element = h('div', { class: 'film glass', hidden: true }, this.#button, this.#slider, this.#time);
  }

  show(duration) {
    this.duration = duration;
    this.element.hidden = !duration;
  }

  #paint(position) {
    const part = Math.min(1, position / this.duration);
    this.#slider.style.setProperty('--fill', `${100 * part}%`);
    this.#slider.setAttribute('aria-valuetext', clock(position));
    this.#time.value = `${clock(position)} / ${clock(this.duration)}`;
  }

  put(position, isPlaying) {
    if (!this.duration || position === null || position === undefined) return;
    this.setPaused(!isPlaying);
    if (this.#isHeld) return;
    this.#slider.value = (1000 * position) / this.duration;
    this.#paint(position);
  }

  setPaused(isPaused) {
    this.#button.replaceChildren(icon(isPaused ? 'play' : 'pause'));
    this.#button.setAttribute('aria-label', isPaused ? 'Play' : 'Pause');
  }
}
