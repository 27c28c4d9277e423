// A screen, a window or a tab of this computer: the browser asks which.

import { follow } from './media.js';

export const canShareScreen = () => Boolean(navigator.mediaDevices?.getDisplayMedia);

export async function startScreen(uploader, onEnd) {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: false });
  const running = await follow(stream, (...picture) => uploader.push(...picture).catch(console.warn), onEnd);
  return { ...running, kind: 'screen', name: running.name || 'Screen' };
}
