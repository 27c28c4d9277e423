// Colour maps of our own, from far to near: knots, blended in linear steps to 256 colours.

const KNOTS = {
  spectrum: ['#2b1a4a', '#3b3fa8', '#2f7fd6', '#20b5b8', '#4fcf73', '#b6d94a', '#f2c53d', '#f08a2c', '#d9482b', '#8e1f2a'],
  ember: ['#0b0a1a', '#35134f', '#741d63', '#b83152', '#e96436', '#f7ab3f', '#fdf3c4'],
  ocean: ['#0a1230', '#14386a', '#1b6b8e', '#37a39d', '#8bd3a6', '#eff7d2'],
  grey: ['#0a0a0a', '#f5f5f5'],
};

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** 256 x RGBA bytes of the map called `name`. */
export function paletteBytes(name) {
  const knots = KNOTS[name].map(channels);
  const out = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (knots.length - 1);
    const left = Math.min(knots.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) {
      out[4 * i + c] = Math.round(knots[left][c] + (at - left) * (knots[left + 1][c] - knots[left][c]));
    }
    out[4 * i + 3] = 255;
  }
  return out;
}

/** The same as a CSS gradient, from near (left) to far. */
export const paletteCss = (name) => `linear-gradient(to left, ${KNOTS[name].join(', ')})`;
