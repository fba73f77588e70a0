// node dev/server.mjs [--port N] [--scenario normal|empty|error|slow|rule-error]: the console over made-up data.
// Sign in as "admin" with "correct horse". Rebuild with "npm run build" and reload the page.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createMock } from './mock.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '5180' },
    scenario: { type: 'string', default: 'normal' },
    dist: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const mock = createMock({
  dist: values.dist ?? join(here, '../dist'),
  scenario: values.scenario,
  signedIn: true,
  tick: 1500,
});
const port = await mock.listen(Number(values.port));
console.log(`http://127.0.0.1:${port}/`);
