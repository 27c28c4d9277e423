import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { sourcesHash } from './build/sources.mjs';

const web = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../src/vergence/server/static', import.meta.url));

/** Writes which sources the bundle was made of, and what came out, so that it can be checked without Node. */
function manifest() {
  return {
    name: 'manifest',
    apply: 'build',
    writeBundle(_, bundle) {
      const digest = (name) => createHash('sha256').update(readFileSync(`${out}/${name}`)).digest('hex');
      const names = [...Object.keys(bundle), 'favicon.svg'].sort();
      const files = Object.fromEntries(names.map((name) => [name, digest(name)]));
      writeFileSync(`${out}/manifest.json`, `${JSON.stringify({ sources: sourcesHash(web), files }, null, 1)}\n`);
    },
  };
}

export default defineConfig({
  root: web,
  base: './', // works below any path
  build: {
    outDir: out,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    chunkSizeWarningLimit: 4000,
    assetsInlineLimit: 0,
    sourcemap: false,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/[name].js' } } },
  plugins: [manifest()],
});
