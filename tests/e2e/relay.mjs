// SPDX-License-Identifier: Apache-2.0
// relay.mjs FROM TO: connections to FROM go on to TO, each a port of loopback or the path of a socket.
// Sockets in the file system are reached from every network namespace.
import { connect, createServer } from 'node:net';

const [from, to] = process.argv.slice(2).map((x) => (/^\d+$/.test(x) ? { host: '127.0.0.1', port: Number(x) } : { path: x }));

createServer((here) => {
  const there = connect(to);
  for (const s of [here, there])
    s.on('error', () => {
      here.destroy();
      there.destroy();
    });
  here.pipe(there).pipe(here);
}).listen(from, () => console.log('relays'));
