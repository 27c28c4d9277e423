// Where things are on the page: the panel, beside the view or as a sheet below it, and the room that is left for the view.

const SHEET = '(max-width: 720px)';
const SHORT = 480; // px: a phone on its side
const ROOMY = 560; // px of height at which the panel may be open from the beginning
const REMEMBERED = 'vergence.panel';

/**
 * The margins of the view that something lies over, CSS pixels.
 * @param {{isImmersive: boolean, isSheet: boolean, panel: {width: number, height: number} | null, height: number,
 *   lowest: number}} page `panel`: null while it is closed; `height` of the page; `lowest`: the top of what is at its foot
 */
export function insetsFor({ isImmersive, isSheet, panel, height, lowest }) {
  if (isImmersive) return { left: 0, right: 0, top: 0, bottom: 0 };
  const side = isSheet ? 0 : 16;
  return {
    left: side,
    right: panel && !isSheet ? panel.width + 32 : side,
    top: height < SHORT ? 8 : 64,
    bottom: isSheet && panel ? panel.height + 8 : height - lowest + 12,
  };
}

export class Layout {
  #parts;
  #memory;
  #sheet = matchMedia(SHEET);

  /** `button` opens and closes the panel; `foot`: what lies at the foot of the page; `memory` of the browser, or null. */
  constructor({ stage, gallery, settings, panel, button, foot, beside, memory }) {
    this.#parts = { stage, gallery, settings, panel, button, foot, beside };
    this.#memory = memory;
    new ResizeObserver(() => this.update()).observe(stage.canvas.parentElement);
    this.#sheet.addEventListener('change', () => this.openPanel(!this.isSheet));
  }

  /** The panel is a sheet: the page is as narrow as a phone. */
  get isSheet() {
    return this.#sheet.matches;
  }

  get isPanelOpen() {
    return document.body.classList.contains('has-panel');
  }

  /** Open or close the panel as it was left, where there is room for it. */
  openAsRemembered(isWanted) {
    const remembered = this.#memory?.getItem?.(REMEMBERED);
    this.openPanel(isWanted && !this.isSheet && innerHeight >= ROOMY && remembered !== 'closed');
  }

  openPanel(isOpen = !this.isPanelOpen) {
    const { panel, button } = this.#parts;
    document.body.classList.toggle('has-panel', isOpen);
    panel.element.inert = !isOpen;
    button.setAttribute('aria-expanded', String(isOpen));
    try {
      if (!this.isSheet) this.#memory?.setItem(REMEMBERED, isOpen ? 'open' : 'closed');
    } catch {
      // Not remembered, then.
    }
    if (!isOpen && panel.element.contains(document.activeElement)) button.focus();
    this.update();
  }

  update() {
    const { stage, settings, panel, foot } = this.#parts;
    stage.insets = insetsFor({
      isImmersive: settings.get('mode') === 'stereo',
      isSheet: this.isSheet,
      panel: this.isPanelOpen ? { width: panel.element.offsetWidth, height: panel.element.offsetHeight } : null,
      height: innerHeight,
      lowest: Math.min(...foot.filter(({ element }) => !element.hidden).map(({ element }) => element.getBoundingClientRect().top)),
    });
    stage.resize();
    this.placeLabels();
  }

  /** Write over the halves of a view that is split which is which. */
  placeLabels() {
    const { stage, gallery, beside } = this.#parts;
    beside.place(gallery.beside.isShown ? stage.halves : null);
  }
}
