// How the stream is looked at: the chosen mode, the packets that it is made of, background and legend.

const LIGHT = '(prefers-color-scheme: light)';

/** The packets that a mode is made of, of those there are; depth comes first, for the view's frame: `shown` is its source. */
export function kindFor(mode, { packetKinds, hasPicture, active, shown }) {
  const isOf = (kind) => hasPicture && packetKinds.includes(kind);
  if (isOf('points16') && active?.has_points && shown === active.id && mode !== 'depth') return 'points16';
  return mode === 'splats' && isOf('splat16') ? 'splat16' : 'rgbd';
}

export class Look {
  #parts;
  #wanted = 'rgbd';

  constructor({ settings, state, connection, stage, stream, gallery, dock, legend, layout, notices }) {
    this.#parts = { settings, state, connection, stage, stream, gallery, dock, legend, layout, notices };
    settings.onChange((key, value) => this.#follow(key, value));
    matchMedia(LIGHT).addEventListener('change', () => this.setBackground());
  }

  /** Show another mode: any but that of headsets. */
  choose(mode) {
    const { settings, state, notices } = this.#parts;
    if (mode === 'splats' && !state.packetKinds.includes('splat16')) {
      notices.say('This model makes no Gaussians', 'Surfels are splats made from the depth: they are shown with 3.');
      return;
    }
    settings.set('mode', mode);
  }

  #follow(key, value) {
    const { stage, stream, gallery, dock, layout } = this.#parts;
    if (key === 'colour_map') for (const each of [stream, gallery.beside.stream]) each.setPalette(value);
    if (key === 'background') this.setBackground();
    if (key === 'mode') {
      this.setBackground();
      dock.choose(value);
      layout.update();
      this.arrange();
    } else this.refresh();
    stage.invalidate();
  }

  /** A server that was just joined sends pictures with depth, until others are asked for. */
  wantAnew() {
    this.#wanted = 'rgbd';
    this.want();
  }

  /** Ask for the packets that the mode is made of. */
  want() {
    const { settings, state, connection, stream } = this.#parts;
    const kind = kindFor(settings.get('mode'), { ...state, active: state.active, shown: stream.head?.source });
    if (kind === this.#wanted) return;
    this.#wanted = kind;
    connection.send({ t: 'want', kind });
  }

  /** Show what the mode is made of, and what belongs to it around the view. */
  arrange() {
    const { settings, gallery, layout } = this.#parts;
    document.body.dataset.mode = settings.get('mode');
    this.want();
    gallery.arrange();
    this.#showLegend();
    layout.placeLabels();
  }

  /** Bring what is shown up to the settings and the newest picture. */
  refresh() {
    this.#parts.gallery.refresh();
    this.#showLegend();
  }

  #showLegend() {
    const { settings, state, stream, legend, layout } = this.#parts;
    const mode = settings.get('mode');
    const wasHidden = legend.element.hidden;
    const isColoured = mode === 'depth' || (settings.get('colouring') === 'depth' && mode !== 'splats');
    legend.show(Boolean(state.hasPicture && stream.range && isColoured), {
      range: stream.range, isMetric: stream.isMetric, palette: settings.get('colour_map'), isInverted: settings.get('invert'),
    });
    if (wasHidden !== legend.element.hidden) layout.update();
  }

  setBackground() {
    const { settings, stage } = this.#parts;
    const theme = getComputedStyle(document.documentElement).getPropertyValue('--stage').trim();
    stage.setBackground(settings.get('background'), settings.get('mode') === 'stereo' ? '#000000' : theme); // light beside a picture is seen by the wrong eye
  }
}
