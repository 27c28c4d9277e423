// How many pictures a second a camera may send: fewer where this page, the only viewer, cannot show them all.

const RATES = [Infinity, 24, 20, 15]; // pictures a second
const LOST = 2; // of a second's pictures: the next slower rate. What is not shown only delays what is
const COURAGE = 10; // s without a loss before a quicker one is tried,
const LONGEST_COURAGE = 160; // doubled up to this whenever that went wrong

export class Pacing {
  #step = 0;
  #due = -Infinity;
  #quiet = 0; // s without a loss
  #courage = COURAGE;
  #isTrying = false; // it became quicker and nothing was lost since

  /** Pictures a second. */
  get rate() {
    return RATES[this.#step];
  }

  /** Whether a picture taken at `now`, ms, may be sent. */
  isDue(now) {
    return now >= this.#due;
  }

  /** One was sent. Pictures come at a rate of their own: what one was late, the next may be early. */
  note(now) {
    const period = 1000 / this.rate;
    this.#due = Math.max(this.#due + period, now + period / 4);
  }

  /** Once a second: so many pictures came from the model and were not shown; `isAlone`: nobody else looks. */
  hear(lost, isAlone) {
    if (!isAlone) this.#step = 0;
    else if (lost >= LOST) {
      if (this.#isTrying) this.#courage = Math.min(2 * this.#courage, LONGEST_COURAGE);
      this.#isTrying = false;
      this.#step = Math.min(this.#step + 1, RATES.length - 1);
      this.#quiet = 0;
    } else if (lost === 0 && this.#step > 0 && ++this.#quiet > this.#courage) {
      this.#isTrying = true;
      this.#step--;
      this.#quiet = 0;
    }
  }
}
