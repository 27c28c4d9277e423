// A made-up room with a ball that moves, as RGBD packets with nothing compressed: depth is known exactly.

const WIDTH = 160;
const HEIGHT = 90;
const FOCAL = 140; // pixels
export const ROOM = { near: 0.5, far: 20, wall: 6, floor: 1.5, ball: { z: 3, radius: 0.6 } };

/** Depth and colour along the ray (x, y, 1), at frame `index`. */
function look(x, y, index) {
  const { wall, floor, ball } = ROOM;
  let z = wall;
  let colour = [196, 186, 170];
  const checker = (a, b) => (Math.floor(a) + Math.floor(b)) & 1;
  if (checker(x * wall, y * wall)) colour = [182, 170, 152];
  if (y > 0 && floor / y < z) {
    z = floor / y;
    colour = checker(x * z, z) ? [92, 104, 112] : [150, 160, 166];
  }
  const centre = [0.9 * Math.sin(index / 8), 0.3, ball.z];
  const along = x * centre[0] + y * centre[1] + centre[2];
  const length = x * x + y * y + 1;
  const inside = along * along - length * (centre[0] ** 2 + centre[1] ** 2 + centre[2] ** 2 - ball.radius ** 2);
  if (inside > 0) {
    const hit = (along - Math.sqrt(inside)) / length;
    if (hit < z) {
      z = hit;
      const light = 0.55 + 0.45 * Math.max(0, (centre[1] - y * hit) / ball.radius);
      colour = [216 * light, 96 * light, 64 * light];
    }
  }
  return { z, colour };
}

/** One packet. `flags` as in docs/protocol.md; metric by default. */
export function roomPacket(index, { width = WIDTH, height = HEIGHT, flags = 1 | 8 } = {}) {
  const padded = (bytes) => (bytes + 15) & ~15;
  const focal = (FOCAL * width) / WIDTH;
  const [colourBytes, depthBytes] = [3 * width * height, 2 * width * height];
  const packet = Buffer.alloc(32 + 96 + padded(colourBytes) + padded(depthBytes));
  packet.write('VGN1', 0, 'latin1');
  packet[4] = 1;
  packet[5] = 1;
  packet.writeUInt16LE(flags, 6);
  packet.writeUInt16LE(6, 10);
  packet.writeUInt32LE(index, 12);
  packet.writeUInt32LE(packet.length - 128, 24);
  packet.writeUInt16LE(width, 32);
  packet.writeUInt16LE(height, 34);
  [focal, focal, width / 2, height / 2, ROOM.near, ROOM.far].forEach((value, i) => packet.writeFloatLE(value, 36 + 4 * i));
  packet[61] = 2; // a raw picture
  packet.writeUInt32LE(colourBytes, 64);
  packet.writeUInt32LE(depthBytes, 68);
  [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0].forEach((value, i) => packet.writeFloatLE(value, 76 + 4 * i));
  let colourAt = 128;
  let depthAt = 128 + padded(colourBytes);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const { z, colour } = look((column + 0.5 - width / 2) / focal, (row + 0.5 - height / 2) / focal, index);
      const nearness = (1 / z - 1 / ROOM.far) / (1 / ROOM.near - 1 / ROOM.far);
      for (const value of colour) packet[colourAt++] = value;
      packet.writeUInt16LE(1 + Math.round(nearness * 65534), depthAt);
      depthAt += 2;
    }
  }
  return packet;
}
