// Bundles the console: node build.mjs [--out DIR] [--dev]
// Writes index.html and assets/NAME-HASH.{js,css,svg}; nothing else is needed to serve it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { out: { type: 'string' }, dev: { type: 'boolean', default: false } },
});
const out = resolve(values.out ?? join(here, 'dist'));
const types = join(here, 'src/api/types.gen.ts');

if (!existsSync(types)) {
  console.error(`${types} is missing: make it with "skep api --typescript"`);
  process.exit(1);
}

rmSync(join(out, 'assets'), { recursive: true, force: true });
mkdirSync(join(out, 'assets'), { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: out,
  entryNames: 'assets/[name]-[hash]',
  chunkNames: 'assets/[name]-[hash]',
  bundle: true,
  splitting: true, // what is only sometimes needed, the editor, is loaded then
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16.4'],
  minify: !values.dev,
  sourcemap: values.dev ? 'inline' : false,
  legalComments: 'eof',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': values.dev ? '"development"' : '"production"' },
  metafile: true,
  logLevel: 'warning',
});

const icon = readFileSync(join(here, 'src/icon.svg'));
const iconName = `assets/icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
writeFileSync(join(out, iconName), icon);

const made = Object.keys(result.metafile.outputs).map((p) => `assets/${basename(p)}`);
const js = made.find((p) => /\/app-\w+\.js$/.test(p));
const css = made.find((p) => p.endsWith('.css'));
const html = readFileSync(join(here, 'index.html'), 'utf8')
  .replace('%icon%', `/${iconName}`)
  .replace('%css%', `/${css}`)
  .replace('%js%', `/${js}`);
writeFileSync(join(out, 'index.html'), html);

for (const [path, { bytes }] of Object.entries(result.metafile.outputs)) {
  console.log(`${basename(path)} ${(bytes / 1024).toFixed(0)} KiB`);
}
