# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Throw-away Docker engine: functions. Read by lab.sh; other scripts may source it too.
#
# Everything lives below one directory, $LAB: the engine's data, its sockets, the process ids, the
# logs. The engine runs in a network namespace of its own, so that its bridge and its packet rules
# never meet those of the machine, and with a containerd of its own, so that an engine that the
# machine has keeps its own. Several labs with different directories can be up side by side.

set -u -o pipefail

LAB=${SKEP_LAB:-${TMPDIR:-/tmp}/skep-lab}
LAB_SOCKET=$LAB/docker.sock
LAB_NETNS=skep-lab-$(printf %s "$LAB" | cksum | cut -d' ' -f1)
# shellcheck disable=SC2034 # for those who read this file
LAB_GATEWAY=172.17.0.1 # of the engine's bridge, inside the namespace
export DOCKER_HOST=unix://$LAB_SOCKET

lab_say() {
	printf 'lab: %s\n' "$*" >&2
}

lab_die() {
	lab_say "$*"
	exit 1
}

# Prints why this machine cannot run the lab, and returns 77 (the usual "skipped"); 0 when it can.
lab_missing() {
	local tool
	if [ "$(id -u)" != 0 ]; then
		echo 'needs root'
		return 77
	fi
	PATH=$PATH:/usr/sbin:/sbin
	for tool in dockerd docker containerd runc ip iptables nsenter busybox flock; do
		if ! command -v "$tool" >/dev/null; then
			echo "$tool is not installed"
			return 77
		fi
	done
	if ! grep -qE ' cgroup2? ' /proc/mounts; then
		echo 'no cgroup file system is mounted'
		return 77
	fi
	if ! grep -q overlay /proc/filesystems && ! modprobe overlay 2>/dev/null; then
		echo 'the kernel has no overlay file system'
		return 77
	fi
	if ! unshare --net true 2>/dev/null; then
		echo 'network namespaces are not permitted'
		return 77
	fi
	return 0
}

lab_cmdline() {
	{ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null
}

# lab_ours PID: does that process belong to this lab? Guards against reused process ids.
lab_ours() {
	[ -n "${1:-}" ] && lab_cmdline "$1" | grep -qF -- "$LAB/"
}

# lab_wait SECONDS COMMAND…: until it succeeds, looking 20 times a second.
lab_wait() {
	local n=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.05
	done
}

lab_gone() {
	! lab_ours "$1"
}

# lab_stop PIDFILE SECONDS: TERM, and KILL when it takes longer.
lab_stop() {
	local pid
	pid=$(cat "$1" 2>/dev/null)
	if lab_ours "$pid"; then
		kill "$pid" 2>/dev/null
		if ! lab_wait "$2" lab_gone "$pid"; then
			kill -9 "$pid" 2>/dev/null
			lab_wait 2 lab_gone "$pid"
		fi
	fi
	rm -f "$1"
}

lab_answers() {
	[ -S "$LAB_SOCKET" ] && timeout 5 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# An engine that may not raise limits (no CAP_SYS_RESOURCE) must not ask for more than it has.
lab_ulimit() {
	local cap
	cap=$(sed -n 's/^CapEff:\s*//p' /proc/self/status)
	if [ $(((16#$cap >> 24) & 1)) = 0 ]; then
		local hard
		hard=$(ulimit -Hn)
		[ "$hard" = unlimited ] && hard=4096
		echo "--default-ulimit nofile=1024:$((hard < 4096 ? hard : 4096))"
	fi
}

lab_start_containerd() {
	cat >"$LAB/containerd.toml" <<-TOML
		version = 2
		root = "$LAB/containerd"
		state = "$LAB/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
		  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
		  "io.containerd.snapshotter.v1.aufs"]
		[grpc]
		  address = "$LAB/containerd.sock"
		[ttrpc]
		  address = "$LAB/containerd.sock.ttrpc"
	TOML
	setsid nsenter --net="/run/netns/$LAB_NETNS" \
		containerd --config "$LAB/containerd.toml" >>"$LAB/containerd.log" 2>&1 </dev/null 9>&- &
	echo $! >"$LAB/containerd.pid"
	lab_wait 10 test -S "$LAB/containerd.sock" || lab_die "containerd did not start, see $LAB/containerd.log"
}

lab_start_engine() {
	rm -f "$LAB/dockerd.self.pid"
	# shellcheck disable=SC2046 # two words are wanted
	setsid nsenter --net="/run/netns/$LAB_NETNS" \
		dockerd --config-file "$LAB/daemon.json" --data-root "$LAB/docker" --exec-root "$LAB/run/docker" \
		--pidfile "$LAB/dockerd.self.pid" --host "$DOCKER_HOST" \
		--containerd "$LAB/containerd.sock" --userland-proxy=false \
		--shutdown-timeout 2 $(lab_ulimit) >>"$LAB/dockerd.log" 2>&1 </dev/null 9>&- &
	echo $! >"$LAB/dockerd.pid"
	lab_wait 15 lab_answers || lab_die "dockerd did not start, see $LAB/dockerd.log"
}

lab_up() {
	local why
	why=$(lab_missing) || {
		lab_say "skipped: $why"
		return 77
	}
	if lab_answers && lab_ours "$(cat "$LAB/dockerd.pid" 2>/dev/null)"; then
		return 0
	fi
	if [ -e "$LAB" ] || [ -e "/run/netns/$LAB_NETNS" ]; then
		lab_down
	fi
	mkdir -p "$LAB/run" && chmod 700 "$LAB"
	echo '{}' >"$LAB/daemon.json"
	ip netns add "$LAB_NETNS" || lab_die 'no network namespace'
	ip -n "$LAB_NETNS" link set lo up
	ip netns exec "$LAB_NETNS" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
	lab_start_containerd
	lab_start_engine
}

# lab_restart [kill]: the engine only; containerd stays, as after an upgrade of the package.
lab_restart() {
	if [ "${1:-}" = kill ]; then
		local pid
		pid=$(cat "$LAB/dockerd.pid" 2>/dev/null)
		lab_ours "$pid" && kill -9 "$pid" && lab_wait 5 lab_gone "$pid"
	else
		lab_stop "$LAB/dockerd.pid" 15
	fi
	lab_start_engine
}

# Containers that an engine killed hard has left: their shims name our containerd on the command
# line, their first processes are recorded in its state.
lab_reap() {
	local f pid
	for f in "$LAB"/run/containerd/io.containerd.runtime.v2.task/*/*/init.pid; do
		[ -e "$f" ] || continue
		pid=$(cat "$f")
		if grep -qF "$(basename "$(dirname "$f")")" "/proc/$pid/cgroup" 2>/dev/null; then
			kill -9 "$pid" 2>/dev/null
		fi
	done
	for f in /proc/[0-9]*; do
		pid=${f#/proc/}
		if lab_cmdline "$pid" | grep -qF -- "-address $LAB/containerd.sock"; then
			kill -9 "$pid" 2>/dev/null
		fi
	done
}

lab_unmount() {
	local point
	awk -v lab="$LAB/" 'index($5, lab) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do
			umount -l "$(printf '%b' "$point")" 2>/dev/null
		done
}

lab_remove_cgroups() {
	local id dir
	for id in "$LAB"/docker/containers/*; do
		[ -d "$id" ] || continue
		id=$(basename "$id")
		for dir in /sys/fs/cgroup{,/*}{/docker/"$id",/system.slice/docker-"$id".scope}; do
			[ -d "$dir" ] && rmdir "$dir" 2>/dev/null
		done
	done
}

# Takes down what up brought, and what an up, an engine or a test that was killed has left.
lab_down() {
	local f ids
	for f in "$LAB"/listener-*.pid; do
		[ -e "$f" ] && lab_stop_listener "$f"
	done
	if lab_answers; then
		ids=$(docker ps -aq)
		# shellcheck disable=SC2086 # one word per container is wanted
		[ -z "$ids" ] || timeout 20 docker rm -f $ids >/dev/null 2>&1
	fi
	lab_stop "$LAB/dockerd.pid" 10
	lab_reap
	lab_stop "$LAB/containerd.pid" 5
	lab_remove_cgroups
	lab_unmount
	[ -e "/run/netns/$LAB_NETNS" ] && ip netns delete "$LAB_NETNS"
	rm -rf --one-file-system "$LAB"
	[ ! -e "$LAB" ] || lab_die "$LAB could not be removed"
}

# lab_listen PORT FILE: an attacker that waits on PORT in the lab's network. It sends the line "id",
# so that a shell on the other side shows life, and keeps what comes back in FILE.
lab_listen() {
	local pidfile=$LAB/listener-$1.pid
	lab_stop_listener "$pidfile"
	# A process group of its own, so that one signal ends all of the pipe.
	# shellcheck disable=SC2016 # the inner shell expands
	setsid nsenter --net="/run/netns/$LAB_NETNS" \
		sh -c '(echo id; exec sleep 600) | busybox nc -l -p "$1" >"$2"' "$LAB/listener" "$1" "$2" \
		</dev/null >/dev/null 2>&1 9>&- &
	echo $! >"$pidfile"
	lab_wait 5 lab_listening "$1" || lab_die "no listener on port $1"
}

lab_listening() {
	# shellcheck disable=SC2016 # awk's own
	nsenter --net="/run/netns/$LAB_NETNS" awk -v p=":$(printf '%04X' "$1")" \
		'$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 } END { exit !found }' \
		/proc/thread-self/net/tcp /proc/thread-self/net/tcp6
}

lab_stop_listener() {
	local pid
	pid=$(cat "$1" 2>/dev/null) || return 0
	lab_ours "$pid" && kill -- "-$pid" 2>/dev/null
	rm -f "$1"
}
