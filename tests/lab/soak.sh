#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Short-lived containers as fast as the engine can, under `skep up`: does its memory stay flat?
set -u -o pipefail

usage() {
	cat <<'TEXT'
soak.sh [-n CONTAINERS] [-j AT_ONCE] [-o FILE] SKEP: a soak of `SKEP up` in a lab of its own

Starts SKEP on a data folder of its own, runs that many containers (2000, 2 at once), each with a
few processes, files and an alert, and samples its memory every second. Writes one line a second to
FILE (soak.tsv): seconds, containers so far, RSS, the part of it that is the program's own, its
peak (KiB). Exit code 0 when the peak is 96 MiB at most and the last quarter of the curve rises by
less than 4 MiB, 1 when not, 77 when this machine cannot run it.
TEXT
}

containers=2000 at_once=2 out=soak.tsv peak_max_kib=98304 rise_max_kib=4096
while getopts n:j:o:h option; do
	case $option in
	n) containers=$OPTARG ;;
	j) at_once=$OPTARG ;;
	o) out=$OPTARG ;;
	h) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
skep=${1:-}
[ -x "$skep" ] || { usage >&2 && exit 2; }
here=$(cd "$(dirname "$0")" && pwd)

# shellcheck disable=SC2155 # a failed mktemp shows at once
export SKEP_LAB=$(mktemp -d /tmp/skep-soak-lab-XXXXXX)
data=$(mktemp -d /tmp/skep-soak-data-XXXXXX)
lab=$here/lab.sh
pid=
workers=()

end() {
	trap - EXIT
	for w in "${workers[@]}"; do kill "$w" 2>/dev/null; done
	[ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
	bash "$lab" down >/dev/null 2>&1
	rm -rf "$data"
	exit "$1"
}
trap 'end 1' EXIT
trap 'end 130' INT TERM

bash "$lab" up || end $?
bash "$lab" image base || end 1
export DOCKER_HOST=unix://$SKEP_LAB/docker.sock

"$skep" up --listen 127.0.0.1:0 --docker "$SKEP_LAB/docker.sock" --data "$data" \
	>"$data/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 150); do
	grep -q 'Ctrl-C stops' "$data/out" && break
	kill -0 "$pid" 2>/dev/null || { cat "$data/out" && end 1; }
	sleep 0.1
done

# worker K: every at_once-th container.
worker() {
	local i
	for ((i = $1; i < containers; i += at_once)); do
		docker run --rm --name "soak-$i" lab/base:1 sh -c \
			"cat /etc/shadow >/dev/null; echo $i >/tmp/file-$i; ls /etc >/dev/null; rm /tmp/file-$i" \
			>/dev/null 2>&1 || echo "$i" >>"$data/failed"
		echo >>"$data/done-$1"
	done
}
for ((k = 0; k < at_once; k++)); do
	worker "$k" &
	workers+=($!)
done

kib() {
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$pid/status"
}

printf 'seconds\tcontainers\trss_kib\town_kib\tpeak_kib\n' >"$out"
began=$SECONDS
while :; do
	made=$(cat "$data"/done-* 2>/dev/null | wc -l)
	kill -0 "$pid" 2>/dev/null || { tail -n 20 "$data/out" && end 1; }
	printf '%s\t%s\t%s\t%s\t%s\n' $((SECONDS - began)) "$made" "$(kib VmRSS)" "$(kib RssAnon)" \
		"$(kib VmHWM)" >>"$out"
	[ "$made" -lt "$containers" ] || break
	sleep 1
done

failed=$(wc -l 2>/dev/null <"$data/failed" || echo 0)
"$skep" agent status --data "$data"
awk -v failed="$failed" -v max=$peak_max_kib -v rise=$rise_max_kib -F '\t' '
	NR > 1 { own[++n] = $4; made = $2; s = $1; peak = $5 }
	END {
		from = int(n * 3 / 4)
		if (from < 1) from = 1
		for (i = from; i <= n; i++) {
			x = i - from; sx += x; sy += own[i]; sxx += x * x; sxy += x * own[i]; m++
		}
		slope = m > 1 ? (m * sxy - sx * sy) / (m * sxx - sx * sx) : 0 # KiB a second
		grown = slope * m
		printf "%d containers (%d failed) in %d s, peak %.1f MiB, last quarter %+.1f MiB\n", \
			made, failed, s, peak / 1024, grown / 1024
		exit !(peak <= max && grown < rise && failed == 0)
	}' "$out"
end $?
