#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_agent.py [-s SECONDS] [size|start|latency|cpu|memory|up|ratios|rate|busy]…: the whole agent, as it is run.

size     the executable without debug information
start    from before the agent's exec to its first alert, of a file that is opened all the time
latency  from just before the open of /etc/shadow to the alert on standard output
cpu      of the whole agent, for each operation of a load
memory   of an agent that reports to a console, over SECONDS (60) of loads in a container
up       the same of skep up, and from the open to the alert that the API shows
ratios   CPU of loads in a container with everything on (rules, profiles, recorder) to none and to the floor
rate     opens that are handled without a loss while two loops open files at full speed
busy     latencies while others open 20,000 files and start 5,000 programs a second

Loads are bench_sensor's. The containers are cgroups of containers' names, and an engine of a
few lines tells of them. SKEP and BENCH_SENSOR name the programs, SK_SHARED the folder with the community's rules;
without them the built-in rules alone are loaded, and the names of the figures say so."""
import argparse
import glob
import http.client
import json
import os
import select
import shutil
import socketserver
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKEP = os.path.abspath(os.environ.get("SKEP", os.path.join(ROOT, "build/release/skep")))
LOADS = os.path.abspath(os.environ.get("BENCH_SENSOR", os.path.join(ROOT, "build/release/bench/sensor/bench_sensor")))
COMMUNITY = sorted(glob.glob(os.path.join(os.environ.get("SK_SHARED", ""), "data/falco-rules/falco*_rules.yaml")))
RULES = "all rules" if COMMUNITY else "our rules alone"
SHOTS, STARTS, CPU_RUNS = 200, 5, 5
CONTAINERS = SHOTS // 4  # alerts that are alike in rule, container and program are folded from the sixth on
IDS = [f"{i:02x}" * 32 for i in range(CONTAINERS)]
MIX = (("fork+exec", 1500), ("open/read/close", 50000), ("open of ever other files", 16000),
       ("TCP connect/accept/close", 3000), ("create+write+rename+unlink", 5000))


def figure(name, value, unit, goal="", peer="", runs=1, spread=0.0):
    peer = f"Falco 0.44\t{peer}" if peer else "\t"
    print(f"FIGURE\t{name}\t{value:.4g}\t{unit}\t{goal}\tlower\t{peer}\t{runs}\t{spread:.3g}", flush=True)


# ---- containers that are only cgroups, and an engine that tells of them ----


def cgroups_make():
    """Of each container its folders: in the memory controller's hierarchy and in the unified one."""
    mounts = [line.split() for line in open("/proc/mounts", encoding="utf-8")]
    tops = [m[1] for m in mounts if m[2] == "cgroup2" or (m[2] == "cgroup" and "memory" in m[3].split(","))]
    all_dirs = [[os.path.join(top, "docker", i) for top in tops] for i in IDS]
    for dirs in all_dirs:
        for d in dirs:
            os.makedirs(d, exist_ok=True)
    return all_dirs


def cgroup_enter(dirs):
    for d in dirs:
        with open(d + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))


CONTAINER = {
    "Name": "/bench", "Created": "2026-01-01T00:00:00Z", "Path": "bench", "Args": [], "Image": "sha256:" + "f" * 64,
    "State": {"Status": "running", "Running": True, "Pid": 1, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:01Z"},
    "Config": {"Image": "bench:1", "Hostname": "bench", "Cmd": ["bench"], "Labels": {}},
    "HostConfig": {"NetworkMode": "default"}, "Mounts": [], "NetworkSettings": {"Networks": {}}}
LISTED = {"Names": ["/bench"], "Image": "bench:1", "ImageID": CONTAINER["Image"], "Command": "bench",
          "Created": 1767225600, "State": "running", "Status": "Up", "Labels": {}, "Ports": [], "Mounts": []}


class Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "/events" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self.rfile.read(1)  # nothing happens here until the agent goes
            return
        ids = [i for i in IDS if i in self.path]
        if self.path.endswith("/version"):
            body = {"Version": "20.10.24", "ApiVersion": "1.41"}
        elif "/containers/json" in self.path:
            body = [dict(LISTED, Id=i) for i in ids or IDS]
        else:
            body = dict(CONTAINER, Id=ids[0]) if ids else []
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "agent"

    def log_message(self, *args):
        pass


class EngineServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the agent went away


# ---- skep ----


class Skep:
    """One skep with a data folder of its own."""

    def __init__(self, work, command, *args):
        self.data = tempfile.mkdtemp(dir=work)
        self.err = open(os.path.join(self.data, "err"), "w+", encoding="utf-8")
        self.rest = b""
        self.drained = None
        agent = [] if command == "server" else ["--docker", os.path.join(work, "engine.sock")] + \
            [a for f in COMMUNITY for a in ("-r", f)]
        self.p = subprocess.Popen([SKEP, command, "--data", self.data, *agent, *args], stdout=subprocess.PIPE,
                                  stderr=self.err)

    def line(self, seconds):
        """The next line it prints, None when none comes in time."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.p.stdout], [], [], left)[0]:
                return None
            more = os.read(self.p.stdout.fileno(), 1 << 16)
            if not more:
                raise RuntimeError(f"skep ended: {open(self.err.name, encoding='utf-8').read()}")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def until(self, *words, seconds=20):
        """The first line with all these words; the time it came."""
        while (line := self.line(seconds)) is not None:
            if all(w in line for w in words):
                return line, time.monotonic_ns()
        raise RuntimeError(f"no line with {words}: {open(self.err.name, encoding='utf-8').read()}")

    def drain(self):
        while self.line(0) is not None:
            pass

    def drain_always(self):
        def read():
            while os.read(self.p.stdout.fileno(), 1 << 16):
                pass

        self.drained = self.drained or threading.Thread(target=read, daemon=True)
        if not self.drained.is_alive():
            self.drained.start()

    def memory(self, what):
        with open(f"/proc/{self.p.pid}/status", encoding="utf-8") as f:
            return next(int(x.split()[1]) for x in f if x.startswith(what + ":")) * 1024 / 1e6

    def cpu(self):
        """Seconds, of all threads; exact, where the kernel counts them."""
        total = 0
        for path in glob.glob(f"/proc/{self.p.pid}/task/*/schedstat"):
            with open(path, encoding="utf-8") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def end(self):
        self.drain_always()  # an agent that cannot write does not end
        self.p.terminate()
        self.p.wait()
        self.drained.join()
        self.p.stdout.close()
        self.err.close()


def shot(cgroup):
    """A new process of the container opens the file; its pid, and a pipe with the time before that."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        cgroup_enter(cgroup)
        time.sleep(0.015)
        t0 = time.monotonic_ns()
        os.close(os.open("/etc/shadow", os.O_RDONLY))
        os.write(w, t0.to_bytes(8, "little"))
        time.sleep(0.005)
        os._exit(0)
    os.close(w)
    return pid, r


def shot_time(pid, r):
    t0 = int.from_bytes(os.read(r, 8), "little")
    os.close(r)
    os.waitpid(pid, 0)
    return t0


def load(cgroup, work, name, n):
    with tempfile.TemporaryDirectory(dir=work) as cwd:
        subprocess.run([LOADS, "--load", name, str(n)], cwd=cwd, preexec_fn=lambda: cgroup_enter(cgroup), check=True)


def percentiles(name, v, goals, peers):
    v.sort()
    for share, goal, peer in zip((50, 99), goals, peers):
        figure(f"{name}, p{share}", v[min(len(v) - 1, len(v) * share // 100)], "ms", goal, peer, len(v),
               v[len(v) * 3 // 4] - v[len(v) // 4])


# ---- the parts ----


def part_size(_cgroups, work):
    path = os.path.join(work, "stripped")
    subprocess.run(["strip", "-o", path, SKEP], check=True)
    figure("executable without debug information", os.path.getsize(path) / 1e6, "MB", 15)


def part_start(cgroups, work):
    opener = os.fork()
    if opener == 0:
        cgroup_enter(cgroups[0])
        while True:
            pid = os.fork()
            if pid == 0:
                os.close(os.open("/etc/shadow", os.O_RDONLY))
                os._exit(0)
            os.waitpid(pid, 0)
            time.sleep(0.002)
    v = []
    try:
        for _ in range(STARTS):
            t0 = time.monotonic_ns()
            s = Skep(work, "agent", "--print-json")
            try:
                v.append((s.until(b"/etc/shadow")[1] - t0) / 1e6)
            finally:
                s.end()
    finally:
        os.kill(opener, 9)
        os.waitpid(opener, 0)
    figure(f"start to first alert, {RULES}", statistics.median(v), "ms", 300, "", STARTS, max(v) - min(v))


def part_latency(cgroups, work):
    s = Skep(work, "agent", "--print-json")
    v = []
    try:
        time.sleep(1)
        for i in range(SHOTS):
            s.drain()
            pid, r = shot(cgroups[i % CONTAINERS])
            when = s.until(b"/etc/shadow", b'"pid":%d,' % pid)[1]
            v.append((when - shot_time(pid, r)) / 1e6)
    finally:
        s.end()
    percentiles("open to alert on standard output", v, (0.8, 8), (0.94, 14.4))


# Without recorder and profiles, as the foundations' goals were set; and as it is run.
VARIANTS = (("rules alone", ("--no-record", "--no-profiles"), {"fork+exec": 40, "TCP connect/accept/close": 5, "memory": 40}),
            ("everything on", (), {"fork+exec": 120, "TCP connect/accept/close": 10, "memory": 96}))


def part_cpu(cgroups, work):
    for variant in VARIANTS:
        cpu_run(cgroups, work, *variant)


def cpu_run(cgroups, work, what, options, goals):
    s = Skep(work, "agent", "--print-json", *options)
    try:
        time.sleep(1)
        s.drain_always()
        for name, n, goal, peer in (("fork+exec", 1500, 40, 240), ("open/read/close", 300000, 1, 5.6),
                                    ("TCP connect/accept/close", 6000, 5, 20)):
            for where, dirs in (("on the host", ()), ("in a container", cgroups[0])):
                v = []
                for _ in range(CPU_RUNS):
                    before = s.cpu()
                    load(dirs, work, name, n)
                    time.sleep(0.15)
                    v.append((s.cpu() - before) / n * 1e6)
                figure(f"{what}: {name} {where}: CPU of the whole agent", statistics.median(v), "us", goals.get(name, goal), peer, CPU_RUNS,
                       max(v) - min(v))
    finally:
        s.end()


def memory_run(s, who, cgroups, work, seconds, goal):
    s.drain_always()
    time.sleep(2)
    figure(f"{who}: peak memory after the start, {RULES}", s.memory("VmHWM"), "MB", goal)
    samples, start, stop = [], time.monotonic(), threading.Event()

    def sample():
        while not stop.wait(0.5):
            samples.append((time.monotonic() - start, s.memory("VmRSS")))

    t = threading.Thread(target=sample)
    t.start()
    turn = 0
    while time.monotonic() - start < seconds:
        for name, n in MIX:
            load(cgroups[turn % CONTAINERS], work, name, n)
            turn += 1
    stop.set()
    t.join()
    early = [m for at, m in samples if seconds / 3 - 3 <= at <= seconds / 3 + 3]
    late = [m for at, m in samples if at >= samples[-1][0] - 6]
    figure(f"{who}: peak memory, busy for {seconds} s", s.memory("VmHWM"), "MB", goal)
    figure(f"{who}: memory at the end to that after a third", statistics.median(late) / statistics.median(early), "ratio",
           1.05)


def part_memory(cgroups, work, seconds):
    for variant in VARIANTS:
        memory_of(cgroups, work, seconds, *variant)


def memory_of(cgroups, work, seconds, what, options, goals):
    server = Skep(work, "server", "--listen", "127.0.0.1:0", "--agents", "127.0.0.1:18444")
    agent = None
    try:
        line, _ = server.until(b"--join")
        agent = Skep(work, "agent", "--console", "127.0.0.1:18444", "--join", line.split()[-1].decode(), *options)
        memory_run(agent, f"agent, {what}", cgroups, work, seconds, goals["memory"])
        figure("console beside: peak memory", server.memory("VmHWM"), "MB")
    finally:
        if agent:
            agent.end()
        server.end()


def api_latency(s, cgroups, when_busy=""):
    access = json.load(open(os.path.join(s.data, "console.json"), encoding="utf-8"))
    host, port = access["url"].removeprefix("https://").split(":")
    c = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context(cafile=access["ca"]))
    v = []
    for i in range(SHOTS):
        pid, r = shot(cgroups[i % CONTAINERS])
        want, end, got = b'"pid":%d,' % pid, time.monotonic() + 10, b""
        while want not in got:
            if time.monotonic() > end:
                raise RuntimeError("the API does not show the alert")
            c.request("GET", "/api/v1/alerts?limit=2&sort=-time", headers={"Authorization": "Bearer " + access["token"]})
            got = c.getresponse().read()
        when = time.monotonic_ns()
        v.append((when - shot_time(pid, r)) / 1e6)
    percentiles(f"open to alert in the API's answer{when_busy}", v, (20, 200), ("", ""))


def part_up(cgroups, work, seconds):
    s = Skep(work, "up", "--listen", "127.0.0.1:0")
    try:
        s.until(b"Ctrl-C")
        memory_run(s, "skep up", cgroups, work, seconds, "")
        time.sleep(5)
        api_latency(s, cgroups)
    finally:
        s.end()


# ---- everything on: rules, profiles in watch, recorder ----

ALL_ON = (("fork+exec", 1500, 1.10, 1.11, 120, 240), ("open/read/close", 300000, 1.35, 1.73, 2.8, 5.6),
          ("TCP connect/accept/close", 20000, 1.06, 1.06, 10, 20),
          ("create+write+rename+unlink", 20000, 1.16, 1.18, "", 13), ("compile", 20, 1.02, 1.02, "", ""))
ROUNDS = 7


class Floor:
    """The same hooks with empty programs."""

    def __init__(self):
        self.p = subprocess.Popen([LOADS, "--floor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if b"held" not in self.p.stdout.readline():
            raise RuntimeError("the floor cannot be attached")

    def end(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


def load_cpu(cgroup, work, name, n):
    """CPU seconds of the load with its children."""
    with tempfile.TemporaryDirectory(dir=work) as cwd:
        pid = os.fork()
        if pid == 0:
            os.chdir(cwd)
            cgroup_enter(cgroup)
            os.execv(LOADS, [LOADS, "--load", name, str(n)])
        _, status, used = os.wait4(pid, 0)
        if status != 0:
            raise RuntimeError(f"the load {name} failed")
        return used.ru_utime + used.ru_stime


def stat3(v):
    v = sorted(v)
    return statistics.median(v), v[min(len(v) - 1, 3 * len(v) // 4)] - v[len(v) // 4]


def everything_on(work):
    """An agent whose profiles watch at once, with its recorder."""
    s = Skep(work, "agent", "--print-json", "--profile-learn", "1s", "--profile-quiet", "1s", "--profile-evidence", "1")
    s.drain_always()
    time.sleep(2)
    return s


def part_ratios(cgroups, work):
    cpu = {m: {l[0]: [] for l in ALL_ON} for m in ("none", "floor", "agent")}
    own = {l[0]: [] for l in ALL_ON}
    for i in range(ROUNDS):
        for k in range(3):
            mode = ("none", "floor", "agent")[(i + k) % 3]
            held = Floor() if mode == "floor" else everything_on(work) if mode == "agent" else None
            try:
                for name, n, *_ in ALL_ON:
                    before = held.cpu() if mode == "agent" else 0
                    cpu[mode][name].append(load_cpu(cgroups[0], work, name, n))
                    if mode == "agent":
                        time.sleep(0.15)
                        own[name].append((held.cpu() - before) / n * 1e6)
            finally:
                if held:
                    held.end()
    for name, _, goal, peer, own_goal, own_peer in ALL_ON:
        for to, g, p in (("none", goal, peer), ("floor", 1.12, "")):
            m, spread = stat3([a / b for a, b in zip(cpu["agent"][name], cpu[to][name])])
            figure(f"everything on, {name}: CPU, ratio to {to}", m, "ratio", g, p, ROUNDS, spread)
        m, spread = stat3(own[name])
        figure(f"everything on, {name}: own CPU an operation", m, "us", own_goal, own_peer, ROUNDS, spread)


def lost_of(s):
    with open(os.path.join(s.data, "agent-status.json"), encoding="utf-8") as f:
        g = json.load(f)
    return g["events_lost"], g["events_seen"] + sum(x.get("filtered", 0) for x in g.get("losses", []))


def part_rate(cgroups, work):
    s = everything_on(work)
    try:
        n, t0 = 3000000, time.monotonic()
        kids = [os.fork() for _ in range(2)]
        for pid in kids:
            if pid == 0:
                break
        if 0 in kids:
            cgroup_enter(cgroups[0])
            os.execv(LOADS, [LOADS, "--load", "open/read/close", str(n)])
        for pid in kids:
            os.waitpid(pid, 0)
        took = time.monotonic() - t0
        time.sleep(6)  # the next status
        lost, _ = lost_of(s)
        print(f"FIGURE\teverything on: opens a second, repeats folded in the kernel\t{2 * n / took:.0f}\tevents/s\t"
              f"500000\thigher\tFalco 0.44\t210000\t1\t0", flush=True)
        figure("everything on: events lost at that rate", lost, "events", 0)
    finally:
        s.end()


def paced(cgroup, work, name, per_second):
    """A load at a steady rate, until it is killed."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        n = max(1, per_second // 50)
        while True:
            end = time.monotonic() + 0.02
            load(cgroup, work, name, n)
            time.sleep(max(0, end - time.monotonic()))
    return pid


def part_busy(cgroups, work):
    for name, rate, api in (("open of ever other files", 20000, False), ("fork+exec", 2000, True)):
        s = Skep(work, "up", "--listen", "127.0.0.1:0", "--print-json") if api else Skep(work, "agent", "--print-json")
        other = None
        try:
            if api:
                s.until(b"Ctrl-C")
                s.drain_always()
            time.sleep(2)
            other = paced(cgroups[-1], work, name, rate)
            if api:
                api_latency(s, cgroups, f" under {name}s at {rate} a second")
                continue
            v = []
            for i in range(SHOTS):
                s.drain()
                pid, r = shot(cgroups[i % (CONTAINERS - 1)])
                when = s.until(b"/etc/shadow", b'"pid":%d,' % pid)[1]
                v.append((when - shot_time(pid, r)) / 1e6)
            percentiles(f"open to alert on standard output under {rate} opens a second", v, (0.8, 8), (0.94, 14.4))
        finally:
            if other:
                os.killpg(other, 9)
                os.waitpid(other, 0)
            s.end()


PARTS = {"size": part_size, "start": part_start, "latency": part_latency, "cpu": part_cpu, "memory": part_memory,
         "up": part_up, "ratios": part_ratios, "rate": part_rate, "busy": part_busy}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("-s", "--seconds", type=int, default=60)
    args.add_argument("parts", nargs="*", choices=[*PARTS, []])
    a = args.parse_args()
    if os.getuid() != 0 or not os.path.exists("/sys/kernel/btf/vmlinux"):
        print("ABSENT\tneeds root and a kernel with BTF")
        return 0
    if not COMMUNITY:
        print("the community's rules are not here: ours alone are loaded")
    work = tempfile.mkdtemp(prefix="skep-bench-agent-")
    cgroups = cgroups_make()
    engine = EngineServer(os.path.join(work, "engine.sock"), Engine)
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    try:
        for part in a.parts or PARTS:
            PARTS[part](cgroups, work, *([a.seconds] if part in ("memory", "up") else []))
    finally:
        engine.shutdown()
        for d in (d for dirs in cgroups for d in dirs):
            try:
                os.rmdir(d)
            except OSError as e:
                print(f"{d} stays: {e.strerror}", file=sys.stderr)
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
