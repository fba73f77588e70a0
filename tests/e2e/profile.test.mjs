// SPDX-License-Identifier: Apache-2.0
// Drift and learned profiles: a real container is learned, watched, does something new, and is
// allowed to; what it does usually raises nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, Skep, sleep, until } from './lib.mjs';

const why = missing();
const options = ['--profile-learn', '6s', '--profile-quiet', '3s', '--profile-evidence', '5', '--profile-lives', '0'];
const usual = 'i=0; while :; do i=$((i+1)); echo $i > /var/state; ls -la /etc > /dev/null; nslookup api.example.com 127.0.0.1 > /dev/null 2>&1; sleep 0.5; done';
const workload = 'lab/base (web)';

describe('drift and profiles', { skip: why ?? false }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-profile-'));
  let skep;

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, options);
    await skep.start();
    await lab.docker('run', '-d', '--name', 'web-1', 'lab/base:1', 'sh', '-c', usual);
  });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  const inside = (script) => lab.docker('exec', 'web-1', 'sh', '-c', script).catch(() => {});
  const alerts = (filter) => skep.list('alerts', `container.name = "web-1" and ${filter}`);
  const alertOf = (filter, ms = 4000) =>
    until(async () => (await alerts(filter))[0], ms, () => skep.out);
  const profile = async () => {
    const [p] = await skep.list('profiles', `name = "${workload}"`);
    return p && (await skep.get(`/api/v1/profiles/${p.id}`)).body;
  };
  const modes = (p) => Object.fromEntries(p.aspects.map((a) => [a.aspect, a.mode]));

  test('what a workload does is learned, and watched when nothing new comes', async () => {
    const p = await until(async () => {
      const now = await profile();
      return now && modes(now).exec === 'watch' && modes(now).listen === 'watch' && modes(now).dns === 'watch' && modes(now).capability === 'watch' ? now : null;
    }, 50000, () => skep.out);
    assert.equal(p.image, 'lab/base');
    assert.equal(p.owner, 'web');
    assert.equal(modes(p).dns, 'watch');
    const values = p.entries.map((e) => `${e.aspect} ${e.value} ${e.shape ?? ''}`.trim());
    assert.ok(values.includes('exec /bin/busybox:ls -la <path>'), values.join('\n'));
    assert.ok(values.includes('file /var/state'), values.join('\n'));
    assert.ok(values.includes('dns api.example.com'), values.join('\n'));
    const held = p.entries.filter((e) => e.aspect === 'capability');
    assert.ok(held.some((e) => e.value === 'CAP_CHOWN' && e.parent_exe === '*'), JSON.stringify(held));
    assert.ok(!held.some((e) => e.value === 'CAP_SYS_ADMIN'));
    assert.ok(p.version >= 1, 'a promotion is a version');
  });

  test('the usual raises nothing', async () => {
    await sleep(2000);
    assert.deepEqual((await alerts('engine in (profile, drift)')).map((a) => a.output), []);
  });

  test('a program that was not in the image is drift, with its container', async () => {
    await inside('cp /bin/busybox /tmp/dropped; /tmp/dropped id');
    const a = await alertOf('engine = drift');
    assert.equal(a.rule, 'Drift: program not in the image');
    assert.equal(a.proc.exepath, '/tmp/dropped');
    assert.equal(a.container.image, 'lab/base:1');
    assert.deepEqual(a.techniques, ['T1105']);
    assert.ok(a.ancestors.some((p) => p.name === 'sh'));
  });

  test('a script that was not in the image is drift, as argument and as standard input', async () => {
    await inside('printf "echo a" > /opt.sh; sh /opt.sh');
    await alertOf('engine = drift and rule = "Drift: script not in the image"');
    await inside('printf "echo b" > /in.sh; sh < /in.sh');
    await alertOf('engine = drift and rule = "Drift: interpreter fed with a file not in the image"');
  });

  test('an unusual program, file, port and peer are told with what was seen before', async () => {
    await inside('wget -q http://127.0.0.1:9/; echo x > /usr/new-file; timeout 1 nc -l -p 8099');
    const program = await alertOf('rule = "Profile: unusual program" and proc.args contains "127.0.0.1:9"');
    assert.match(program.output, /program=\/bin\/busybox:wget shape=-q <url>; never seen in \d+ s before/);
    assert.equal(program.engine, 'profile');
    const file = await alertOf('rule = "Profile: unusual file written" and fd.name = "/usr/new-file"');
    assert.equal(file.seen_before, 0);
    assert.ok(Date.parse(file.seen_since) < Date.now());
    const port = await alertOf('rule = "Profile: unusual listening port"');
    assert.match(port.output, /port=tcp\/8099/);
    const peer = await alertOf('rule = "Profile: unusual peer"');
    assert.match(peer.output, /peer=out tcp local:9 /);
    const shape = await alertOf('rule = "Profile: unusual program" and proc.name = sh and seen_before > 0');
    assert.match(shape.output, /seen (once|\d+ times) with other arguments or of another parent in/);
  });

  test('a name that was never asked for is told with what was, unless a person allows it', async () => {
    await inside('for n in api.example.com ads.example.com tracker.example.org; do nslookup $n 127.0.0.1; done');
    const name = await alertOf('rule = "Profile: unusual name asked" and output contains "tracker"');
    assert.match(name.output, /name=tracker\.example\.org asked=tracker\.example\.org type=A\S* server=\S+:53; never seen in \d+ s before/);
    const near = await alertOf('rule = "Profile: unusual name asked" and output contains "ads"');
    assert.match(near.output, /; seen (once|\d+ times) with other names of this domain in/);
    assert.equal((await alerts('rule = "Profile: unusual name asked" and output contains "name=api"')).length, 0);
    assert.match(await skep.cli('profile', 'allow', workload, 'dns', '*.Tracked.example.'), /allowed/);
    await sleep(1500); // to the agent
    await inside('nslookup a.tracked.example 127.0.0.1');
    await sleep(1000);
    assert.equal((await alerts('rule = "Profile: unusual name asked" and output contains "tracked.example"')).length, 0);
  });

  test('a container of the workload that was given more capabilities is told once, with what was usual', async () => {
    await lab.docker('run', '-d', '--name', 'web-2', '--cap-add', 'SYS_ADMIN', '--cap-add', 'SYS_PTRACE', 'lab/base:1', 'sh', '-c', usual);
    const of = 'container.name = "web-2" and rule = "Profile: unusual capability"';
    const a = await until(async () => (await skep.list('alerts', of))[0], 6000, () => skep.out);
    assert.match(a.output, /\(capabilities=CAP_SYS_PTRACE,CAP_SYS_ADMIN before=CAP_CHOWN,[A-Z_,]+; never seen in \d+ s before/);
    assert.equal(a.techniques[0], 'T1548');
    await sleep(1500);
    assert.equal((await skep.list('alerts', of)).length, 1);
    assert.equal((await alerts('rule = "Profile: unusual capability"')).length, 0, 'the other container is quiet');
    await lab.docker('rm', '-f', 'web-2');
  });

  test('what a person allows is quiet, what is denied is told though it is learned', async () => {
    assert.match(await skep.cli('profile', 'allow', workload, 'file', '/srv/**'), /allowed \(version \d+\)/);
    assert.match(await skep.cli('profile', 'allow', workload, 'exec', '/usr/local/tool'), /allowed/);
    await skep.cli('profile', 'deny', workload, 'exec', '/bin/busybox:ls');
    await alertOf('rule = "Profile: unusual program" and output contains "denied by a person"');
    await inside('mkdir -p /srv/a /usr/local; echo x > /srv/a/b; echo x > /var/c; cp /bin/busybox /usr/local/tool; /usr/local/tool id');
    await alertOf('fd.name = "/var/c"');
    await sleep(500);
    assert.equal((await alerts('fd.name = "/srv/a/b"')).length, 0);
    assert.equal((await alerts('engine in (drift, profile) and proc.exepath = "/usr/local/tool"')).length, 0);
  });

  test('versions are kept, compared, exported and imported', async () => {
    const versions = JSON.parse(await skep.cli('profile', 'versions', workload, '--json')).items;
    assert.ok(versions.length >= 4);
    assert.match(versions[0].change, /deny exec \/bin\/busybox:ls/);
    const diff = await skep.cli('profile', 'diff', `${workload}@1`, workload);
    assert.match(diff, /^\+ file \/srv\/\*\* {2}\(by a person\)$/m);
    const yaml = await skep.cli('profile', 'export', workload);
    assert.match(yaml, /^ {4}- \{value: "\/srv\/\*\*", by_person: true\}$/m);
    const file = join(dir, 'web.yaml');
    writeFileSync(file, yaml.replace(/.*\/srv\/\*\*.*\n/, '').replace('peer: watch', 'peer: off'));
    assert.match(await skep.cli('profile', 'import', file), /imported/);
    const p = await profile();
    assert.equal(modes(p).peer, 'off');
    assert.ok(!p.entries.some((e) => e.value === '/srv/**'));
    assert.ok(p.entries.find((e) => e.value === '/var/state').count > 0, 'counts stay');
    await inside('echo x > /srv/again');
    await alertOf('fd.name = "/srv/again"');
    writeFileSync(file, 'modes:\n  exec: soon\n');
    await assert.rejects(skep.cli('profile', 'import', file), (e) => {
      assert.match(e.stderr, /web\.yaml: line 2: no such mode; learn, watch, enforce or off/);
      return true;
    });
  });

  test('after a kill the profile is there and watches at once', async () => {
    await skep.stop('SIGKILL');
    skep.extra = [...options.slice(0, 1), '1h', ...options.slice(2)];
    await skep.start();
    await until(async () => (await skep.list('agents'))[0]?.connected, 10000, () => skep.out);
    await sleep(1000);
    await inside('echo x > /home-made');
    await alertOf('fd.name = "/home-made"', 6000);
    assert.equal(modes(await profile()).exec, 'watch');
  });
});
