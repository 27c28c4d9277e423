// One number for everything the bundle is made of. tests/web/test_bundle.py counts the same without Node.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const FILES = ['index.html', 'package.json', 'package-lock.json', 'vite.config.js', 'build/sources.mjs'];
const FOLDERS = ['public', 'src'];

/** SHA-256 over "path, newline, sha256 of the file, newline" of all sources, by path. */
export function sourcesHash(web) {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(web, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(web, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join('/')));
  const all = createHash('sha256');
  for (const name of [...FILES, ...inFolders].sort()) {
    all.update(`${name}\n${createHash('sha256').update(readFileSync(join(web, name))).digest('hex')}\n`);
  }
  return all.digest('hex');
}
