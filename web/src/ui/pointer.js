// Pointer, touch and tilt: clicks that are no drags, where the pointer is, how a phone is held, and when nobody moves.

const CLICK = 6; // px a pointer may move in a click
const HOVER_EVERY = 40; // ms
const TILT = 20; // degrees that count as the edge of the view
const SETTLE = 0.01; // share by which the way a phone is held becomes the middle, each event
const STIRS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'focusin'];

/** `onClick(x, y)`, `onHover(x, y)` or `onHover(null)`, `onMove({x, y})` from -1 to 1 over the view, all in CSS pixels else. */
export function watchPointer(canvas, { onClick, onHover, onMove }) {
  let pressed = null;
  let hovered = 0;
  canvas.addEventListener('pointerdown', ({ clientX: x, clientY: y }) => (pressed = { x, y }));
  canvas.addEventListener('pointerup', ({ clientX: x, clientY: y }) => {
    if (pressed && Math.hypot(x - pressed.x, y - pressed.y) < CLICK) onClick(x, y);
    pressed = null;
  });
  window.addEventListener('pointermove', ({ clientX: x, clientY: y, pointerType, buttons, target }) => {
    if (pointerType === 'mouse' && buttons === 0) onMove({ x: (2 * x) / innerWidth - 1, y: (2 * y) / innerHeight - 1 });
    if (performance.now() - hovered < HOVER_EVERY) return;
    hovered = performance.now();
    if (target === canvas && buttons === 0) onHover(x, y);
    else onHover(null);
  });
  document.addEventListener('pointerleave', () => onHover(null));
}

/** Tilt of a phone as `onMove`; some browsers ask first, and only after a touch: see `askForTilt`. */
export function watchTilt(onMove) {
  const clamp = (value) => Math.min(1, Math.max(-1, value));
  let middle = null;
  window.addEventListener('deviceorientation', ({ beta, gamma }) => {
    if (beta === null || gamma === null) return;
    middle ??= { beta, gamma };
    onMove({ x: clamp((gamma - middle.gamma) / TILT), y: clamp((beta - middle.beta) / TILT) });
    middle.beta += SETTLE * (beta - middle.beta);
    middle.gamma += SETTLE * (gamma - middle.gamma);
  });
}

/** False: a person said no. */
export async function askForTilt() {
  try {
    return (await window.DeviceOrientationEvent?.requestPermission?.()) !== 'denied';
  } catch {
    return true; // not after a touch: the next one may do
  }
}

/** Call `onIdle(true)` when nobody has done anything for `after` ms, `onIdle(false)` when somebody does. */
export function watchIdle(after, onIdle) {
  let timer = 0;
  const stir = () => {
    onIdle(false);
    clearTimeout(timer);
    timer = setTimeout(() => onIdle(true), after);
  };
  for (const event of STIRS) window.addEventListener(event, stir, { passive: true });
  return stir;
}
