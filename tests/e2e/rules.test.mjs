// SPDX-License-Identifier: Apache-2.0
// `skep rules list` says of each rule whether it is evaluated, and if not, why.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { skepFile } from './lib.mjs';

describe('skep rules list', () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-list-'));
  const file = join(dir, 'own.yaml');
  const rule = (name, more) => `- rule: ${name}\n  desc: d\n  output: x\n  priority: WARNING\n${more}`;
  const list = (...more) =>
    execFileSync(skepFile, ['rules', 'list', '--no-builtin-rules', ...more, file], { encoding: 'utf8' });

  before(() =>
    writeFileSync(
      file,
      rule('Used', '  condition: evt.type = open\n') +
        rule('Off', '  condition: evt.type = open\n  enabled: false\n') +
        rule('Foreign', '  source: aws_cloudtrail\n  condition: ct.name = get\n'),
    ),
  );
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('the text names the state and the reason', () => {
    const lines = list().trim().split('\n');
    assert.match(lines[0], /^warning +evaluated +- +Used$/i);
    assert.match(lines[1], /^warning +disabled +- +Off$/i);
    assert.match(lines[2], /^warning +skipped +- +Foreign \(.*aws_cloudtrail.*\)$/i);
  });

  test('the JSON has the same', () => {
    const [used, off, foreign] = JSON.parse(list('--json')).items;
    assert.deepEqual([used.evaluated, used.why_not], [true, undefined]);
    assert.deepEqual([off.enabled, off.evaluated], [false, false]);
    assert.equal(foreign.evaluated, false);
    assert.match(foreign.why_not, /aws_cloudtrail/);
  });
});
