// What the page knows at this moment. Who hears of something new writes it here; everything else reads.

export class State {
  /** The connection: {state, reason, code, attempt, ...} as its `state` event says it. */
  link = { state: 'connecting' };
  /** What the server said of itself and its model, null before it did. */
  hello = null;
  packetKinds = ['rgbd'];
  sources = [];
  hasSources = false;
  /** {seconds} while the server records, else null. */
  recording = null;
  /** What this page is to the server: viewer, camera or both. */
  role = { role: 'viewer' };
  /** Show what this page films as soon as the server takes it. */
  isOwnWanted = false;
  isPaused = false;
  hasPicture = false;
  /** How often the view was drawn. */
  shown = 0;

  /** The source that is shown. */
  get active() {
    return this.sources.find((each) => each.is_active);
  }
}
