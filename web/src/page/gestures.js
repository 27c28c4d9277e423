// What pointer, touch and tilt do in the view, and how the controls step back when nobody moves.

import { askForTilt, watchIdle, watchPointer, watchTilt } from '../ui/pointer.js';

const IDLE_AFTER = 3000; // ms

/** `goHome()` takes the view back to where the picture was taken from. */
export function watchGestures({ state, settings, stage, canvas, measuring, help, notices, goHome }) {
  const point = (place) => (stage.pointer = place);
  watchPointer(canvas, {
    onClick: (x, y) => measuring.click(x, y),
    onHover: (x, y) => measuring.hover(x, y),
    onMove: point,
  });
  watchTilt(point);
  canvas.addEventListener('dblclick', () => !measuring.isOn && goHome());

  // In stereo and on a full screen the controls would lie over the picture.
  const stir = watchIdle(IDLE_AFTER, (isIdle) => {
    const isWanted = settings.get('mode') === 'stereo' || document.fullscreenElement;
    document.body.classList.toggle('is-idle', Boolean(isIdle && isWanted && state.hasPicture && !help.isOpen));
  });

  settings.onChange(async (key, value, { origin }) => {
    if (key === 'mode') stir();
    if (key === 'parallax' && value && origin === 'user' && !(await askForTilt())) {
      notices.say('No tilt without leave', 'Allow motion sensors for this page.');
    }
  });
}
