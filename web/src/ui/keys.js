// Keys, as a table that the help shows too.

export const KEYS = [
  { keys: ['1', '2', '3', '4', '5', '6', '7'], show: '1 – 7', does: 'points, mesh, surfels, splats, depth, stereo, headset', action: 'mode' },
  { keys: [' '], show: 'Space', does: 'pause and go on', action: 'pause' },
  { keys: ['r'], show: 'R', does: 'reset the view', action: 'home' },
  { keys: ['c'], show: 'C', does: 'camera back to where it was filmed', action: 'home' },
  { keys: ['x'], show: 'X', does: 'capture this picture in high quality', action: 'capture' },
  { keys: ['s'], show: 'S', does: 'save what you see as a picture', action: 'snapshot' },
  { keys: ['shift+r'], show: 'Shift R', does: 'record the stream, and stop', action: 'record' },
  { keys: ['m'], show: 'M', does: 'measure between two points', action: 'measure' },
  { keys: ['d'], show: 'D', does: 'depth in colours, and back', action: 'depth' },
  { keys: ['i'], show: 'I', does: 'swap near and far', action: 'invert' },
  { keys: ['o'], show: 'O', does: 'turn slowly by itself', action: 'orbit' },
  { keys: ['p'], show: 'P', does: 'follow the pointer', action: 'parallax' },
  { keys: ['g'], show: 'G', does: 'grid', action: 'grid' },
  { keys: ['['], show: '[', does: 'fewer edges cut', action: 'less-edges' },
  { keys: [']'], show: ']', does: 'more edges cut', action: 'more-edges' },
  { keys: ['-', '_'], show: '-', does: 'smaller points or splats', action: 'smaller' },
  { keys: ['=', '+'], show: '=', does: 'larger points or splats', action: 'larger' },
  { keys: ['f'], show: 'F', does: 'full screen', action: 'fullscreen' },
  { keys: ['v'], show: 'V', does: 'into the headset', action: 'headset' },
  { keys: ['arrowleft', 'arrowright', 'arrowup', 'arrowdown'], show: 'Arrows', does: 'look around; with Shift: move', action: 'look' },
  { keys: ['pageup', 'pagedown'], show: 'Page ↑ ↓', does: 'closer, farther', action: 'zoom' },
  { keys: [',', '.'], show: ', .', does: 'one frame back or on, in a paused film', action: 'step' },
  { keys: ['?', 'h'], show: '?', does: 'this list', action: 'help' },
  { keys: ['escape'], show: 'Esc', does: 'leave what is open', action: 'escape' },
];

const ACTION = new Map(KEYS.flatMap(({ keys, action }) => keys.map((key) => [key, action])));

/** Call `onAction(name, event)` for a key of the table, unless a person is typing or moving a slider with it. */
export function listen(target, onAction) {
  target.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const key = event.key.toLowerCase();
    const action = (event.shiftKey && ACTION.get(`shift+${key}`)) || ACTION.get(key);
    if (!action) return;
    const at = event.target;
    const isField = at instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
    const isControl = isField || (at instanceof HTMLElement && /^(BUTTON|SUMMARY|A)$/.test(at.tagName));
    const moves = key === ' ' || key.startsWith('arrow') || key.startsWith('page') || key === 'home';
    if (action !== 'escape' && (isField ? moves || at.tagName === 'SELECT' : isControl && key === ' ')) return;
    event.preventDefault();
    onAction(action, event);
  });
}
