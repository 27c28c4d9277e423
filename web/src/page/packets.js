// Decoded packets: where each kind goes; and the newest picture, which waits until the next frame of the page is drawn.

import { Kind } from '../protocol.js';

export class Packets {
  #parts;
  #waiting = null;

  constructor({ state, connection, statistics, stage, stream, gallery, captures, look, panel, standing, hints }) {
    this.#parts = { state, connection, statistics, stage, stream, gallery, captures, look, panel, standing, hints };
  }

  /** A packet was decoded: {head, content, milliseconds, received}. */
  take({ head, content, milliseconds, received }) {
    const { connection, statistics, stage, gallery, captures } = this.#parts;
    connection.acknowledge(head.sequence, performance.now() - received);
    statistics.data.add();
    statistics.bytes.add(head.bytes);
    if (head.flags.highQuality && head.kind === Kind.RGBD) {
      captures.pin({ head, content });
      return;
    }
    if (head.kind === Kind.RGBD) this.#wait({ head, content, milliseconds, at: performance.now() });
    else if (head.kind === Kind.SPLAT16) gallery.showSplats({ head, content });
    else if (head.kind === Kind.POINTS16) {
      this.showNewest(); // else a picture from before it would take its place
      gallery.showCloud({ head, content });
    }
    if (document.hidden) this.showNewest(); // no animation frames come: keep the memory of one picture, not of many
    stage.invalidate();
  }

  /** A packet was left out for a newer one, or could not be read. */
  drop(sequence) {
    const { connection, statistics } = this.#parts;
    statistics.dropped++;
    connection.acknowledge(sequence);
  }

  #wait(picture) {
    if (this.#waiting) {
      this.#waiting.content.colour.close?.();
      this.#parts.statistics.dropped++;
    }
    this.#waiting = picture;
  }

  /** Put the picture that waits in place of the one that is shown; it, or null where none waits. */
  showNewest() {
    const { stage, stream, gallery, look, panel } = this.#parts;
    const picture = this.#waiting;
    if (!picture) return null;
    this.#waiting = null;
    const isNewSize = stream.apply(picture);
    stage.adopt(stream);
    gallery.dropCloud();
    look.want();
    look.refresh();
    if (panel.hasConfidence !== stream.hasConfidence) panel.show({ hasConfidence: stream.hasConfidence });
    if (isNewSize) this.#begin();
    return picture;
  }

  /** The first picture, or the first of another size. */
  #begin() {
    const { state, stage, look, standing, hints } = this.#parts;
    state.hasPicture = true;
    if (stage.isHome) stage.goHome();
    look.arrange();
    standing.update();
    hints.offer();
  }
}
