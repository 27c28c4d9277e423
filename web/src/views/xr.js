// Headsets and phones in augmented reality: the same scene around the wearer's head.

const TURN = Math.PI / 6; // radians of one flick of the stick
const SPEED = 1.2; // metres per second, and powers of e per second for size

/** What this browser can do: {vr, ar, reason} where `reason` says what keeps it from both. */
export async function headsets() {
  if (!window.isSecureContext) return { vr: false, ar: false, reason: 'insecure' };
  if (!navigator.xr) return { vr: false, ar: false, reason: 'browser' };
  const can = (kind) => navigator.xr.isSessionSupported(kind).catch(() => false);
  const [vr, ar] = await Promise.all([can('immersive-vr'), can('immersive-ar')]);
  return { vr, ar, reason: vr || ar ? null : 'device' };
}

export class HeadsetView {
  session = null;
  #stage;
  #onSelect;
  #onEnd;
  #flicked = false;

  constructor(stage, { onSelect, onEnd }) {
    this.#stage = stage;
    this.#onSelect = onSelect;
    this.#onEnd = onEnd;
  }

  /** Must be called from a click or a key. `kind`: 'immersive-vr' or 'immersive-ar'. */
  async enter(kind) {
    const { renderer } = this.#stage;
    const session = await navigator.xr.requestSession(kind, { optionalFeatures: ['hand-tracking'] });
    renderer.xr.setReferenceSpaceType('local'); // its origin is the head when the session begins
    session.addEventListener('select', () => this.#onSelect());
    session.addEventListener('squeeze', () => (this.#stage.headset = { scale: 1, yaw: 0, forward: 0 }));
    await renderer.xr.setSession(session);
    this.session = session;
    const end = () => {
      renderer.xr.removeEventListener('sessionend', end);
      this.session = null;
      this.#onEnd();
    };
    renderer.xr.addEventListener('sessionend', end);
    if (kind === 'immersive-ar') renderer.setClearColor(0x000000, 0);
    else renderer.setClearColor(0x000000, 1);
  }

  leave() {
    return this.session?.end();
  }

  /** Sticks: left and right turn, forward and back come closer; with the grip pressed they change the size. */
  advance(seconds) {
    for (const { gamepad } of this.session?.inputSources ?? []) {
      const axes = gamepad?.axes ?? [];
      const [x, y] = axes.length >= 4 ? axes.slice(2, 4) : axes;
      const { headset } = this.#stage;
      if (Math.abs(y) > 0.2) {
        if (gamepad.buttons[1]?.pressed) headset.scale *= Math.exp(-y * SPEED * seconds);
        else headset.forward -= y * SPEED * seconds;
      }
      if (Math.abs(x) > 0.7 && !this.#flicked) headset.yaw += Math.sign(x) * TURN;
      if (x !== undefined) this.#flicked = Math.abs(x) > 0.7;
    }
  }
}
