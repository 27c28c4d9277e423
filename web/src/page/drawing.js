// Drawing: on every frame of the page the newest picture is taken over, and what has changed is drawn.

const STILL = '(prefers-reduced-motion: reduce)';
const LONGEST = 0.1; // s that the view moves on by in one frame, after a pause too
const STATISTICS_EVERY = 500; // ms

export function drawFrames({
  state, stage, stream, gallery, packets, headset, measure, connection, uploader, statistics, notices,
}) {
  let before = performance.now();
  let lastStatistics = 0;
  stage.renderer.setAnimationLoop(() => {
    const now = performance.now();
    const seconds = Math.min(LONGEST, (now - before) / 1000);
    before = now;
    headset.advance(seconds);
    const taken = packets.showNewest();
    const isChanged = stage.advance(seconds) || stage.renderer.xr.isPresenting;
    if (isChanged) {
      gallery.render();
      measure.draw();
      state.shown++;
    }
    if (taken) {
      const { clock } = connection;
      const age = clock.isKnown ? (clock.now() - taken.head.time) / 1000 : null;
      statistics.frame({ age, decode: taken.milliseconds, draw: performance.now() - taken.at, isStill: taken.head.flags.still });
    }
    if (now - lastStatistics > STATISTICS_EVERY) {
      lastStatistics = now;
      const isOwn = stream.head !== null && stream.head.source === state.hello?.source;
      const camera = isOwn ? uploader.milliseconds : null;
      statistics.show({ trip: connection.clock.trip, head: stream.head, elements: gallery.count, camera });
    }
  });

  const still = matchMedia(STILL);
  const setStill = () => (stage.isStill = still.matches);
  still.addEventListener('change', setStill);
  setStill();

  stage.canvas.addEventListener('webglcontextlost', (event) => {
    event.preventDefault();
    notices.show('lost', {
      title: 'The graphics card stopped',
      text: 'It may have run out of memory. Reload the page; if it happens again, choose a smaller picture size.',
      buttons: [{ label: 'Reload', isMain: true, onclick: () => location.reload() }],
    });
  });
}
