// The view as a picture on this device, with its depth on the server's machine where that keeps snapshots.

import { h } from '../ui/dom.js';

const GONE_AFTER = 10000; // ms until a downloaded picture's memory is given back

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), GONE_AFTER);
}

export function savePicture({ state, connection, gallery, notices, canvas }) {
  gallery.render(); // the drawing buffer is empty after it was shown
  canvas.toBlob((blob) => {
    if (!blob) return;
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
    download(blob, `vergence_${stamp}.png`);
    notices.say('Picture saved', 'It is where this browser keeps its downloads.');
    if (state.hello?.snapshots) connection.send({ t: 'snapshot' });
  }, 'image/png');
}
