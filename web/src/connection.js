// One WebSocket to the server: token, hello, reconnecting, the window of acknowledgements, and the server's clock.

import { PROTOCOL, decodeControl } from './protocol.js';

const BACK_OFF = [0.5, 1, 2, 4, 8, 15]; // seconds
const PING_EVERY = 3000;
const SILENT_AFTER = 12000; // a server that says nothing for so long is gone
const NORMAL = 1000;

/** The offset of the server's clock from this page's, from the quickest of the last round trips (as NTP does). */
export class Clock {
  #trips = [];

  /** All in microseconds; `sent` and `received` on this page's clock. */
  add(sent, received, server) {
    this.#trips.push({ trip: received - sent, offset: server - (sent + received) / 2 });
    if (this.#trips.length > 8) this.#trips.shift();
  }

  get #best() {
    return this.#trips.reduce((best, next) => (next.trip < best.trip ? next : best), { trip: Infinity, offset: 0 });
  }

  get isKnown() {
    return this.#trips.length > 0;
  }

  /** Microseconds of a round trip. */
  get trip() {
    return this.isKnown ? this.#best.trip : null;
  }

  /** This moment on the server's clock, microseconds. */
  now(here = performance.now() * 1000) {
    return here + this.#best.offset;
  }
}

/**
 * Take what the server's printed address says out of the address bar: the token should be in no history and on no
 * shared screen. `view`: how to look at it first; `isCamera`: this page is to be a camera, `isCameraOnly`: and nothing else.
 */
export function takeFragment(place = window.location, past = window.history) {
  const found = new URLSearchParams(place.hash.slice(1));
  if (place.hash) past.replaceState(null, '', place.pathname + place.search);
  const camera = found.get('camera');
  return { token: found.get('t'), view: found.get('view'), isCamera: ['1', 'only'].includes(camera), isCameraOnly: camera === 'only' };
}

/**
 * Events: `state` {state, attempt, delay, code, reason}, `control` (a text message), `packet` (ArrayBuffer), `clock`.
 * States: connecting, open, waiting (to try again), refused (a person must do something), closed.
 */
export class Connection extends EventTarget {
  clock = new Clock();
  state = 'closed';
  #base;
  #token;
  #hello;
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #pinging = 0;
  #heard = 0;

  constructor({ base, token, hello }) {
    super();
    this.#base = base;
    this.#token = token;
    this.#hello = hello;
    window.addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retry();
    });
  }

  async open() {
    this.#set('connecting', { attempt: this.#attempt });
    try {
      if (this.#token && !(await this.#login())) return;
    } catch {
      this.#later({ reason: 'the server does not answer' });
      return;
    }
    const address = new URL('ws', this.#base);
    address.protocol = address.protocol.replace('http', 'ws');
    const offers = this.#token ? [PROTOCOL, `token.${this.#token}`] : [PROTOCOL];
    const socket = new WebSocket(address, offers);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      if (socket === this.#socket) this.#opened(socket);
      else socket.close(NORMAL);
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#received(data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#closed(event);
    };
  }

  /** Swap the token for a cookie. False: it is wrong, and trying again is of no use. */
  async #login() {
    const answer = await fetch(new URL('login', this.#base), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: this.#token }),
    });
    if (answer.status === 403) {
      this.#set('refused', { reason: 'token' });
      return false;
    }
    return true;
  }

  #opened(socket) {
    this.#heard = performance.now();
    socket.send(JSON.stringify({ t: 'hello', ...this.#hello() }));
    this.#set('open');
    clearInterval(this.#pinging);
    const ping = () => {
      if (performance.now() - this.#heard > SILENT_AFTER) socket.close(4000, 'silent');
      else this.send({ t: 'ping', ts: performance.now() * 1000 });
    };
    ping();
    this.#pinging = setInterval(ping, PING_EVERY);
  }

  #received(data) {
    this.#heard = performance.now();
    if (typeof data !== 'string') {
      this.dispatchEvent(new CustomEvent('packet', { detail: data }));
      return;
    }
    let message;
    try {
      message = decodeControl(data);
    } catch (error) {
      console.warn(error.message);
      return;
    }
    if (message.t === 'ping') this.send({ t: 'pong', ts: message.ts });
    else if (message.t === 'pong') {
      this.clock.add(message.ts, performance.now() * 1000, message.now);
      this.dispatchEvent(new Event('clock'));
    } else {
      if (message.t === 'hello') this.#attempt = 0;
      this.dispatchEvent(new CustomEvent('control', { detail: message }));
    }
  }

  async #closed({ code, reason }) {
    clearInterval(this.#pinging);
    this.#socket = null;
    if (this.state === 'closed') return;
    const wasOpen = this.state === 'open';
    if (code === 1002) this.#set('refused', { reason: 'version', detail: reason });
    else if (!wasOpen && (await this.#isForbidden())) this.#set('refused', { reason: 'token' });
    else this.#later({ code, reason });
  }

  /** A browser does not tell why a handshake failed; a page that wants the same cookie does. */
  async #isForbidden() {
    try {
      return [401, 403].includes((await fetch(new URL('metrics', this.#base))).status);
    } catch {
      return false;
    }
  }

  #later({ code, reason }) {
    const delay = BACK_OFF[Math.min(this.#attempt, BACK_OFF.length - 1)] * (0.8 + 0.4 * Math.random());
    this.#attempt++;
    this.#set('waiting', { attempt: this.#attempt, delay, code, reason });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), delay * 1000);
  }

  /** Try at once instead of waiting. */
  retry() {
    if (this.state !== 'waiting') return;
    clearTimeout(this.#timer);
    this.open();
  }

  /** Begin anew, with another hello: a connection has one role as long as it lives. */
  rejoin() {
    const socket = this.#socket;
    this.#socket = null; // its end is no loss
    clearInterval(this.#pinging);
    clearTimeout(this.#timer);
    socket?.close(NORMAL);
    if (this.state !== 'closed') this.open();
  }

  close() {
    this.state = 'closed';
    clearTimeout(this.#timer);
    clearInterval(this.#pinging);
    this.#socket?.close(NORMAL);
  }

  #set(state, detail = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, ...detail } }));
  }

  /** Bytes handed over and not yet on the wire. */
  get pending() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Send a text message; dropped while there is no connection. */
  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  sendBinary(buffer) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(buffer);
  }

  acknowledge(seq, decoded = null, drawn = null) {
    this.send({ t: 'ack', seq, decoded, drawn });
  }
}
