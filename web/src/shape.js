// From the integers of a packet to places in space: what the shaders do, in JavaScript, for measuring and framing.

/**
 * How a frame is shown. Inverse depth is w = offset + step * (q - 1), in 1/m (or 1/units).
 * @typedef {{width: number, height: number, fx: number, fy: number, cx: number, cy: number,
 *   offset: number, step: number, low: number, high: number, pivot: number, scale: number, invert: number}} Shape
 *   `low`, `high`: the inverse depths kept; `pivot`: the depth that `scale` leaves where it is; `invert`: 0, or the sum
 *   of the inverse depths that are swapped
 */

export const inverseDepth = (shape, q) => shape.offset + shape.step * (q - 1);

/** Shown depth of an inverse depth: z = pivot * (z / pivot) ** scale, so that the view from the camera stays the same. */
export function shownDepth(shape, w) {
  const kept = shape.invert > 0 ? Math.max(shape.invert - w, 1e-6) : w;
  return shape.pivot * (1 / (kept * shape.pivot)) ** shape.scale;
}

/** Where pixel (column, row) lies at depth z; the camera's axes: x right, y down, z forward. */
export function pointAt(shape, column, row, z) {
  return [((column + 0.5 - shape.cx) / shape.fx) * z, ((row + 0.5 - shape.cy) / shape.fy) * z, z];
}

/** Inverse depth of a pixel, 0 where there is none or where it is cut away. */
export function measured(shape, depth, column, row) {
  const q = depth[row * shape.width + column];
  if (!q) return 0;
  const w = inverseDepth(shape, q);
  return w < shape.low || w > shape.high ? 0 : w;
}

/**
 * The pixel shown at a place on the screen: the nearest to the eye among those within `radius` of it.
 * @param {Shape} shape
 * @param {Uint16Array} depth
 * @param {number[]} clipFromCamera column-major 4 x 4: from the camera's axes to clip space
 * @param {{x: number, y: number, width: number, height: number}} screen a place and the size of the view, CSS pixels
 * @returns {{column: number, row: number, w: number} | null}
 */
export function pick(shape, depth, clipFromCamera, { x, y, width, height }, radius = 6) {
  const m = clipFromCamera;
  const step = Math.max(1, Math.round(Math.sqrt((shape.width * shape.height) / 60000)));
  let best = null;
  let bestCost = Infinity;
  for (let row = 0; row < shape.height; row += step) {
    for (let column = 0; column < shape.width; column += step) {
      const inverse = measured(shape, depth, column, row);
      if (!inverse) continue;
      const [px, py, pz] = pointAt(shape, column, row, shownDepth(shape, inverse));
      const clipW = m[3] * px + m[7] * py + m[11] * pz + m[15];
      if (clipW <= 0) continue;
      const dx = ((m[0] * px + m[4] * py + m[8] * pz + m[12]) / clipW + 1) * 0.5 * width - x;
      const dy = (1 - (m[1] * px + m[5] * py + m[9] * pz + m[13]) / clipW) * 0.5 * height - y;
      const distance = Math.hypot(dx, dy);
      if (distance > radius) continue;
      const cost = clipW * (1 + 0.02 * distance); // near the eye first, then near the pointer
      if (cost < bestCost) {
        bestCost = cost;
        best = { column, row, w: inverse };
      }
    }
  }
  return best;
}

/**
 * Median depth of the square of pixels that reaches `around` pixels to each side, in the packet's own units; null where
 * nothing is measured, or the pixel lies outside.
 */
export function medianDepth(shape, depth, { column, row }, around) {
  if (column >= shape.width || row >= shape.height) return null;
  const found = [];
  for (let j = Math.max(0, row - around); j <= Math.min(shape.height - 1, row + around); j++) {
    for (let i = Math.max(0, column - around); i <= Math.min(shape.width - 1, column + around); i++) {
      const w = measured(shape, depth, i, j);
      if (w) found.push(w);
    }
  }
  if (!found.length) return null;
  found.sort((a, b) => a - b);
  return 1 / found[found.length >> 1];
}

/** Distance between two measured pixels, in the packet's own units, as if nothing were scaled or swapped. */
export function distance(shape, a, b) {
  const from = pointAt(shape, a.column, a.row, 1 / a.w);
  const to = pointAt(shape, b.column, b.row, 1 / b.w);
  return Math.hypot(from[0] - to[0], from[1] - to[1], from[2] - to[2]);
}

/** A length for people. Without a metric model there is none. */
export function length(value, isMetric) {
  if (!isMetric) return `${value.toPrecision(3)} units`;
  if (value < 1) return `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} cm`;
  return `${value.toFixed(value < 10 ? 2 : 1)} m`;
}
