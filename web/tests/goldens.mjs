// The packets of tests/goldens/protocol and what they hold.

import { readFileSync, readdirSync } from 'node:fs';

const FOLDER = new URL('../../tests/goldens/protocol/', import.meta.url);

export function golden(name) {
  const bytes = readFileSync(new URL(`${name}.bin`, FOLDER));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return { buffer, wanted: JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) };
}

export const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.bin')).map((name) => name.slice(0, -4));
