// A server for working on the page without a model: the bundle, and packets from a file (one after the other, as they
// come over the wire) or, without one, of a made-up room. `node dev/replay.mjs [FILE] [--port 8124] [--rate 10]`

import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { roomPacket } from './room.mjs';

const STATIC = fileURLToPath(new URL('../../src/vergence/server/static', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const CSP =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; " +
  "style-src 'self' 'unsafe-inline'; connect-src 'self'";

export function packetsOf(path) {
  const bytes = readFileSync(path);
  const packets = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 32 + 16 * bytes.readUInt16LE(at + 10) + bytes.readUInt32LE(at + 24);
    packets.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return packets;
}

export function serve({ packets, port = 8124, rate = 10, isStill = false, modes = ['rgbd'] }) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname).replace(/^\/+/, '') || 'index.html';
    if (path === 'login') return response.writeHead(204).end();
    const file = join(STATIC, path);
    if (!file.startsWith(STATIC) || !existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': CSP });
    return createReadStream(file).pipe(response);
  });
  const sockets = new WebSocketServer({ server, path: '/ws', perMessageDeflate: false, handleProtocols: () => 'vergence.v1' });
  const begun = process.hrtime.bigint();
  const now = () => Number((process.hrtime.bigint() - begun) / 1000n);
  sockets.on('connection', (socket) => {
    const say = (message) => socket.send(JSON.stringify(message));
    const settings = {
      depth: { bits: 'auto' }, colour: { quality: 'auto' }, picture: { side: 640 }, rate: { most: 60 }, view: {},
      stabilise: { method: 'gated', half_life: 0.2 }, camera: { fov: null }, film: { speed: 1, loop: true },
    };
    let [open, at, isPlaying] = [0, 0, true];
    const kinds = new Map();
    const send = () => {
      if (open >= 2 || !isPlaying) return;
      const packet = Buffer.from(packets[at % packets.length]);
      packet.writeUInt32LE(at, 12);
      packet.writeBigUInt64LE(BigInt(now()), 16);
      packet.writeUInt32LE(0, 28);
      kinds.set(packet[5], (kinds.get(packet[5]) ?? 0) + 1);
      socket.send(packet);
      at++;
      open++;
    };
    const timer = isStill ? setTimeout(() => packets.forEach(send), 100) : setInterval(send, 1000 / rate);
    const statistics = setInterval(() => say({
      t: 'stats', fps: rate, source_fps: rate, decode_ms: 2, infer_ms: 31, stabilise_ms: 3, pack_ms: 5, wait_ms: 4, dropped: 0,
      clients: 1, position: isStill ? null : (at / rate) % (packets.length / rate), is_playing: isPlaying,
    }), 1000);
    socket.on('message', (data, isBinary) => {
      if (isBinary) return say({ t: 'ack', seq: data.readUInt32LE(12), fps: rate });
      const message = JSON.parse(data);
      if (message.t === 'hello') {
        say({ t: 'hello', server: 'replay', protocol: 'vergence.v1', session: 'x', client: 1, source: 1, now: now(), model: { name: 'preview' }, modes, capacity: null, metric: true, limits: {} });
        say({ t: 'config', settings });
        say({ t: 'sources', sources: [
          { id: 0, name: 'cups on a table.mp4', kind: isStill ? 'image' : 'film', width: 1280, height: 720, rate, duration: packets.length / rate, is_active: true },
          { id: 1, name: 'test pattern', kind: 'test', width: 640, height: 360, is_active: false },
        ] });
      } else if (message.t === 'ack') open = Math.max(0, open - 1);
      else if (message.t === 'ping') say({ t: 'pong', ts: message.ts, now: now() });
      else if (message.t === 'play' || message.t === 'pause') isPlaying = message.t === 'play';
      else if (message.t === 'seek') at = Math.round(message.to * rate);
      else if (message.t === 'set') {
        const names = message.path.split('.');
        const last = names.pop();
        names.reduce((level, name) => (level[name] ??= {}), settings)[last] = message.value;
        say({ t: 'config', settings });
      } else if (message.t === 'capture') say({ t: 'error', code: 'not-available', msg: 'No bigger model is here', hint: 'This is a replay.' });
      return undefined;
    });
    socket.on('close', () => {
      clearInterval(timer);
      clearInterval(statistics);
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve({ server, sockets, port: server.address().port })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, fallback) => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : fallback);
  const file = process.argv[2]?.startsWith('--') ? null : process.argv[2];
  const packets = file ? packetsOf(file) : Array.from({ length: 30 }, (_, i) => roomPacket(i));
  const { port } = await serve({ packets, port: option('--port', 8124), rate: option('--rate', 10), isStill: packets.length <= 2, modes: packets.some((packet) => packet[5] === 2) ? ['rgbd', 'splat16'] : ['rgbd'] });
  console.log(`http://127.0.0.1:${port}/`);
}
