// The camera of this computer or phone.

import { follow } from './media.js';

export const canUseCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Cameras with their names; names are empty until one of them was allowed. */
export async function listCameras() {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === 'videoinput').map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** @param {{id?: string, facing?: 'user' | 'environment'}} which */
export async function startCamera(uploader, { id, facing } = {}, onEnd) {
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  if (id) video.deviceId = { exact: id };
  else if (facing) video.facingMode = { ideal: facing };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  const running = await follow(stream, (...picture) => uploader.push(...picture).catch(console.warn), onEnd);
  return { ...running, kind: 'camera', name: running.name || 'Camera' };
}
