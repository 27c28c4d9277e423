// A worker that makes JPEGs of a camera's pictures: on the page's own thread browsers do that only when they are idle.

const QUALITY = 0.8;

let canvas = null;

self.onmessage = async ({ data: { picture, width, height } }) => {
  try {
    if (canvas?.width !== width || canvas?.height !== height) canvas = new OffscreenCanvas(width, height);
    // Kept in memory: on the graphics card it would wait for the view to be drawn.
    canvas.getContext('2d', { alpha: false, willReadFrequently: true }).drawImage(picture, 0, 0, width, height);
    picture.close();
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
    const jpeg = await blob.arrayBuffer();
    self.postMessage({ jpeg }, [jpeg]);
  } catch (error) {
    self.postMessage({ error: error.message ?? String(error) });
  }
};
