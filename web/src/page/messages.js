// What the server says, one function for each type of text message of docs/protocol.md.

import { h } from '../ui/dom.js';
import { clock } from '../ui/film.js';

/** The functions by type; each takes a message. */
export function messages({
  state, connection, settings, sharing, look, layout, playback, captures, standing, statistics, uploader, tier,
  dock, panel, source, film, notices,
}) {
  let dropped = 0; // at the last `stats`
  return {
    hello(message) {
      state.hello = message;
      state.packetKinds = message.modes ?? ['rgbd'];
      state.recording = null;
      look.wantAnew();
      const isMissing = !state.packetKinds.includes('splat16');
      panel.showPlayers(message.stereo ?? []);
      dock.enableMode('splats', !isMissing, 'this model makes no Gaussians');
      if (isMissing && settings.get('mode') === 'splats') settings.set('mode', 'surfels');
      const { name, instead_of: asked } = message.model ?? {};
      if (asked) notices.say(`${asked} does not fit this machine’s memory`, `Depth is by ${name}, the next smaller one.`, { stays: true });
      standing.update();
    },

    config({ settings: config }) {
      panel.adopt(config ?? {});
      if (config?.picture?.side) uploader.side = config.picture.side; // more would be thrown away
      sharing.adopt(config?.view);
      tier.adopt(config?.stream?.tier);
    },

    sources({ sources }) {
      state.sources = sources;
      state.hasSources = true;
      source.show(sources);
      const { active } = state;
      if (state.isOwnWanted && typeof state.hello?.source === 'number') {
        state.isOwnWanted = false;
        if (active?.kind !== 'together') connection.send({ t: 'source', id: state.hello.source });
      }
      look.want();
      film.show(active?.is_live ? { past: film.past } : { duration: active?.duration ?? null });
      layout.update();
      standing.update();
    },

    stats(message) {
      statistics.adopt(message);
      const lost = statistics.dropped - dropped + (message.skipped ?? 0);
      dropped = statistics.dropped;
      uploader.pacing.hear(lost, message.clients === 1 && !state.recording); // others may be quicker
      if (state.active?.is_live && film.show({ past: message.past ?? 0 })) layout.update();
      film.put(message.position, message.is_playing);
      if (message.is_playing !== undefined && message.position !== null) playback.setPaused(!message.is_playing, false);
    },

    ack: ({ seq }) => uploader.acknowledge(seq),

    capture: (message) => captures.hear(message),

    past({ seconds, span }) {
      if (state.isPaused) film.putPast(seconds, span); // an answer may come late
    },

    snapshot({ files, folder, msg }) {
      if (msg) notices.error('The server could not save the picture', msg);
      else notices.say('Picture and depth saved', `${files.join(', ')} in ${folder}`);
    },

    record({ on, seconds, url, msg }) {
      const wasOn = Boolean(state.recording);
      state.recording = on ? { seconds } : null;
      dock.press('record', on);
      standing.update();
      if (on || !wasOn) return;
      const link = url && h('a', { href: new URL(url, location.href).href, download: '' }, 'Save it');
      notices.say(`Recorded ${clock(seconds)}`, msg || 'vergence live FILE.vgr shows it again, without a model.', { action: link });
    },

    error: ({ msg, hint }) => notices.error(msg ?? 'The server refused that', hint ?? ''),

    bye: ({ msg }) => notices.say('The server says goodbye', msg ?? ''),
  };
}
