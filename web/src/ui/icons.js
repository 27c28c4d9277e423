// Line icons of our own on a 20 x 20 grid.

const PATHS = {
  points: ['M5 5h.01M10 4h.01M15 5h.01M4 10h.01M10 10h.01M16 10h.01M5 15h.01M10 16h.01M15 15h.01', 2.4],
  mesh: ['M3 6l7-3 7 3v8l-7 3-7-3zM3 6l7 4 7-4M10 10v7M3 14l7-4 7 4'],
  surfels: ['M6.5 6.5m-3 0a3 2 -20 1 0 6 0a3 2 -20 1 0-6 0M13.5 9m-3 0a3 2 20 1 0 6 0a3 2 20 1 0-6 0M8 14m-3 0a3 2 0 1 0 6 0a3 2 0 1 0-6 0'],
  splats: ['M10 3c4 2 6 5 6 8a6 6 0 0 1-12 0c0-3 2-6 6-8zM7.5 11.5a2.8 2.8 0 0 0 2.5 2.6'],
  depth: ['M3 15l4-5 3 3 3-5 4 7zM3 4h14v12H3z'],
  stereo: ['M3 5h6v10H3zM11 5h6v10h-6z'],
  headset: ['M3 7h14v7h-4l-2-2.2a1.4 1.4 0 0 0-2 0L7 14H3z'],
  pause: ['M7 4v12M13 4v12'],
  play: ['M6 4l10 6-10 6z'],
  home: ['M4 10a6 6 0 1 0 2-4.5M4 3v4h4'],
  capture: ['M10 3l1.8 4.6L16.5 9l-4.7 1.6L10 15l-1.8-4.4L3.5 9l4.7-1.4zM16 14v4M14 16h4'],
  snapshot: ['M3 6.5h3.2L7.6 4h4.8l1.4 2.5H17V16H3zM10 8.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z'],
  record: ['M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM10 8.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8z'],
  measure: ['M3 13L13 3l4 4L7 17zM6 10l1.5 1.5M8.5 7.5L10 9M11 5l1.5 1.5'],
  fullscreen: ['M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4'],
  help: ['M7.5 7.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M10 14.4h.01'],
  adjust: ['M3 6h6M13 6h4M11 4v4M3 14h3M10 14h7M8 12v4'],
  camera: ['M3 6h9v8H3zM12 9l5-3v8l-5-3'],
  screen: ['M3 4h14v9H3zM7 17h6M10 13v4'],
  close: ['M5 5l10 10M15 5L5 15'],
  phone: ['M6.5 3h7a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM9 14.5h2'],
  flip: ['M4 9a6 6 0 0 1 10-3l2 2M16 4v4h-4M16 11a6 6 0 0 1-10 3l-2-2M4 16v-4h4'],
};

export function icon(name) {
  const [path, width = 1.5] = PATHS[name];
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  line.setAttribute('stroke-width', width);
  svg.append(line);
  return svg;
}
