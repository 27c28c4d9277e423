// How things stand: a word at the top, and, where there is nothing to see, a card that says why and what to do.

import { canUseCamera } from '../capture/camera.js';
import { canShareScreen } from '../capture/screen.js';
import { h } from './dom.js';
import { clock } from './film.js';

const WORDS = { connecting: 'Connecting', waiting: 'Reconnecting', refused: 'Not connected', closed: 'Closed' };
const BUSY = 1013; // the server's close code for "too many clients"

export class Status {
  element = h('div', { class: 'status', role: 'status' });

  /** @param {{link: string, source: string | null, model: string | null, recording: object | null, isPaused: boolean}} now */
  show({ link, source, model, recording, isPaused }) {
    const isOpen = link === 'open';
    const live = recording ? `Recording ${clock(recording.seconds)}` : isPaused ? 'Paused' : 'Live';
    const name = isOpen ? (source ?? 'no source') : '';
    this.element.dataset.state = !isOpen ? link : recording ? 'recording' : isPaused ? 'paused' : 'open';
    this.element.replaceChildren(
      h('i', { class: 'dot', 'aria-hidden': 'true' }),
      h('span', {}, isOpen ? live : WORDS[link]),
      name && h('span', { class: 'what' }, name),
    );
    this.element.title = [name, model].filter(Boolean).join(' · ');
  }
}

/**
 * The card for a moment: [key, content] for `Notices.show`; key null where there is a picture and nothing is wrong.
 * @param {{link: {state: string, reason?: string, code?: number, attempt?: number, detail?: string},
 *   hasPicture: boolean, isChoosing: boolean, isFilming: boolean}} now `isChoosing`: connected, and no source is shown;
 *   `isFilming`: this page is a camera and nothing else
 * @param {{retry: () => void, camera: () => void, screen: () => void, watch: () => void, stop: () => void}} actions
 */
export function cardFor({ link, hasPicture, isChoosing, isFilming }, actions) {
  const reload = (label) => [{ label, isMain: true, onclick: () => location.reload() }];
  if (link.state === 'refused' && link.reason === 'token') {
    return ['token', {
      title: 'This address has no valid key',
      text: 'Open the whole address that the server printed when it started: the part behind # is the key. It changes with every start.',
      buttons: reload('Try again'),
    }];
  }
  if (link.state === 'refused') {
    return ['version', {
      title: 'Page and server do not match',
      text: `The server was probably updated while this page was open. ${link.detail ?? ''}`,
      buttons: reload('Reload'),
    }];
  }
  if (link.state === 'waiting' && link.attempt > 1) {
    const buttons = [{ label: 'Try now', isMain: true, onclick: actions.retry }];
    if (link.code === BUSY) {
      const text = 'Too many viewers are connected. This page tries again by itself.';
      return ['full', { title: 'The server is full', text, buttons, isBusy: true }];
    }
    const text = 'This page connects again by itself as soon as it is back. To start it:';
    return ['away', { title: 'The server does not answer', text, command: 'vergence live', buttons, isBusy: true }];
  }
  if (isFilming && link.state === 'open') {
    return ['filming', {
      title: 'This device is a camera',
      text: 'What it films is shown on the other screens. Keep this page open.',
      buttons: [{ label: 'Watch here too', isMain: true, onclick: actions.watch }, { label: 'Stop', onclick: actions.stop }],
    }];
  }
  if (hasPicture) return [null];
  if (isChoosing) {
    return ['source', {
      title: 'Choose what to look at',
      text: canUseCamera()
        ? 'Its pictures go to your own server and nowhere else.'
        : 'Browsers lend cameras to https pages only: start the server with --tls, or name a film or photo when you start it.',
      buttons: [
        canUseCamera() && { label: 'Use this camera', isMain: true, onclick: actions.camera },
        canShareScreen() && { label: 'Share a screen', onclick: actions.screen },
      ].filter(Boolean),
    }];
  }
  return [`wait ${link.state}`, { title: link.state === 'open' ? 'Waiting for the first picture' : 'Connecting', isBusy: true }];
}
