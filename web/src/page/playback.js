// Playing, pausing, looking back, and which source is shown.

export class Playback {
  #parts;

  constructor({ state, connection, dock, film, standing }) {
    this.#parts = { state, connection, dock, film, standing };
  }

  /** `isTold`: the server is to hear of it. */
  setPaused(isPaused, isTold = true) {
    const { state, connection, dock, film, standing } = this.#parts;
    if (isPaused === state.isPaused) return;
    state.isPaused = isPaused;
    dock.press('pause', isPaused);
    film.setPaused(isPaused);
    // What is live stands still here only: this page looks back by nothing.
    if (isTold) connection.send(isPaused && state.active?.is_live ? { t: 'scrub', seconds: 0 } : { t: isPaused ? 'pause' : 'play' });
    standing.update();
  }

  toggle() {
    this.setPaused(!this.#parts.state.isPaused);
  }

  /** Look back on what is live, so many seconds before the newest. */
  scrub(seconds) {
    this.setPaused(true, false);
    this.#parts.connection.send({ t: 'scrub', seconds });
  }

  /** Go to a moment of a film, seconds. */
  seek(to) {
    const { connection, film } = this.#parts;
    connection.send({ t: 'seek', to: Math.min(to, film.duration - 0.05) });
  }

  /** One frame on, or back. */
  step(frames) {
    this.#parts.connection.send({ t: 'step', frames });
  }

  /** Show another source; it plays. */
  choose(id) {
    const { state, connection } = this.#parts;
    this.setPaused(false, Boolean(state.isPaused && state.active?.is_live));
    connection.send({ t: 'source', id });
  }
}
