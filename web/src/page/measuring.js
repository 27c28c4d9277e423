// Measuring on and off, and clicks while it is on.

/** In what lengths on `surfaces` are told, in words. */
function unitsOf(surfaces) {
  const metric = surfaces.filter(({ stream }) => stream.isMetric).length;
  if (metric === surfaces.length) return 'The distance between them is in metres.';
  if (metric > 0) return 'The distance is in metres where the model gives metres, else in units of its own.';
  return 'This model gives no metres: lengths are in units of its own.';
}

export class Measuring {
  #parts;

  constructor({ settings, stage, gallery, dock, measure, notices }) {
    this.#parts = { stage, gallery, dock, measure, notices };
    settings.onChange((key) => key === 'mode' && measure.hover(null));
  }

  get isOn() {
    return this.#parts.measure.isOn;
  }

  set(isOn) {
    const { stage, gallery, dock, measure, notices } = this.#parts;
    measure.setOn(isOn);
    dock.press('measure', isOn);
    document.body.classList.toggle('is-measuring', isOn);
    if (isOn) notices.say('Click two points', unitsOf(gallery.surfaces));
    stage.invalidate();
  }

  /** A click in the view, CSS pixels. */
  click(x, y) {
    const { stage, gallery, measure, notices } = this.#parts;
    if (measure.isOn && !measure.click(x, y)) {
      const isCloud = !gallery.surfaceAt(x, y).isShown; // points of several cameras are no surface
      notices.say('Nothing was measured there', isCloud ? 'Lengths are measured in the picture of a single camera.' : 'Click on the surface.');
    }
    stage.invalidate();
  }

  hover(x, y) {
    this.#parts.measure.hover(x, y);
  }

  clear() {
    this.#parts.measure.clear();
  }
}
