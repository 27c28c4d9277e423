import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { sourcesHash } from './build/sources.mjs';

const CARRIED = ['three', '@sparkjsdev/spark', 'fflate'];
const web = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../src/vergence/server/static', import.meta.url));

/** The licence of everything the bundle carries goes with it. */
function licences() {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      const source = CARRIED.map((name) => {
        const read = (file) => readFileSync(`${web}/node_modules/${name}/${file}`, 'utf8');
        return `${name} ${JSON.parse(read('package.json')).version}\n\n${read('LICENSE').trim()}\n`;
      }).join(`\n${'-'.repeat(80)}\n\n`);
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
    },
  };
}

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
  plugins: [licences(), manifest()],
});
