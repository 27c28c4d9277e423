// What the camera and the screen have in common: a stream of pictures, fed on as they come.

/**
 * Call `onFrame(picture, width, height, time)` for every new picture of `stream` until `stop` is called. It takes the
 * picture at once or leaves it: nothing is kept for later, so that what it takes next is the newest.
 * Where the browser hands the pictures over directly that is quicker, and goes on in a tab that is not seen.
 */
export async function follow(stream, onFrame, onEnd) {
  const [track] = stream.getVideoTracks();
  let isOn = true;
  const stop = () => {
    if (!isOn) return;
    isOn = false;
    for (const each of stream.getTracks()) each.stop();
    onEnd?.();
  };
  track.addEventListener('ended', stop);
  if ('MediaStreamTrackProcessor' in window) readFrames(track, onFrame, () => isOn).then(stop, stop);
  else await watchVideo(stream, onFrame, () => isOn);
  return { stop, name: track.label, stream };
}

async function readFrames(track, onFrame, isOn) {
  const reader = new window.MediaStreamTrackProcessor({ track }).readable.getReader();
  for (;;) {
    const { done, value: picture } = await reader.read();
    if (done) return;
    try {
      if (isOn()) onFrame(picture, picture.displayWidth, picture.displayHeight, performance.now());
    } finally {
      picture.close();
    }
  }
}

async function watchVideo(stream, onFrame, isOn) {
  const video = document.createElement('video');
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  const frame = (now, { captureTime } = {}) => {
    if (!isOn()) return;
    onFrame(video, video.videoWidth, video.videoHeight, captureTime ?? now);
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame);
    else requestAnimationFrame(frame);
  };
  frame(performance.now());
}

/** What went wrong, for a person: {title, hint}. */
export function explain(error, what) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return { title: `The ${what} may not be used`, hint: 'Allow it beside the address bar, then try again.' };
    case 'NotFoundError':
    case 'OverconstrainedError':
      return { title: `No ${what} was found`, hint: 'Plug one in, or choose another.' };
    case 'NotReadableError':
    case 'AbortError':
      return { title: `The ${what} is busy`, hint: 'Another program may be using it: close that and try again.' };
    default:
      return { title: `The ${what} cannot be used`, hint: error.message };
  }
}
