// How things stand, told to a person: the words at the top, and the card that says why there is nothing to see.

import { cardFor } from '../ui/status.js';

const ASKING = ['headset', 'lost']; // cards that only a person takes away

export class Standing {
  #parts;

  constructor({ state, connection, source, status, notices }) {
    this.#parts = { state, connection, source, status, notices };
  }

  update() {
    const { state, connection, status } = this.#parts;
    status.show({
      link: connection.state, source: state.active?.name ?? null, model: state.hello?.model?.name ?? null, recording: state.recording,
      isPaused: state.isPaused,
    });
    this.#updateCard();
  }

  #updateCard() {
    const { state, connection, source, notices } = this.#parts;
    const { link, hasPicture, hello, hasSources, active } = state;
    const isFilming = Boolean(source.running) && source.isCameraOnly;
    const isChoosing = link.state === 'open' && Boolean(hello) && hasSources && !source.running && !active;
    const [key, content] = cardFor({ link, hasPicture, isChoosing, isFilming }, {
      retry: () => connection.retry(), camera: () => source.start('camera'), screen: () => source.start('screen'),
      watch: () => source.watch(), stop: () => source.stop(),
    });
    if (key !== null || !ASKING.includes(notices.shown)) notices.show(key, content);
  }
}
