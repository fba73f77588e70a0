#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A throw-away Docker engine with small images and attacks.
usage() {
	cat <<'TEXT'
lab.sh COMMAND: a throw-away Docker engine of its own

  up                   start it (a lab that was left behind is cleared away first)
  down                 stop it and remove all it made
  env                  print how to reach it: eval "$(lab.sh env)"; docker ps
  check                can this machine run it? 0, or 77 and the reason
  restart [kill]       restart the engine; kill: without letting it stop
  stop | start         the engine alone
  image base|tools     make lab/base:1 (busybox) or lab/tools:1 (bash, perl, python3, netcat)
  run ARGS…            docker run ARGS…
  listen PORT FILE     keep what connects to PORT of the engine's gateway (172.17.0.1) in FILE
  unlisten PORT
  netns                print the name of its network namespace
  attack NAME [CONTAINER [IMAGE]]
                       shadow, revshell, drop, miner: each in a container of its own

SKEP_LAB names its directory (/tmp/skep-lab). Exit status 77: this machine cannot run it.
TEXT
}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/images.sh
. "$here/images.sh"
# shellcheck source=tests/lab/attacks.sh
. "$here/attacks.sh"

# One lab.sh at a time changes a lab; the lock is not handed on to what it starts.
lab_lock() {
	exec 9>"$LAB.lock"
	flock -w 60 9 || lab_die "another lab.sh works on $LAB"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
up) lab_lock && lab_up ;;
down)
	lab_lock
	lab_down
	rm -f "$LAB.lock"
	;;
env) printf 'export DOCKER_HOST=%q SKEP_LAB=%q\n' "$DOCKER_HOST" "$LAB" ;;
check) lab_missing ;;
restart) lab_lock && lab_restart "$@" ;;
stop) lab_lock && lab_stop "$LAB/dockerd.pid" 15 ;;
start) lab_lock && lab_start_engine ;;
image) lab_lock && lab_image "${1:-base}" ;;
run) exec docker run "$@" ;;
listen) lab_listen "${1:?port}" "${2:?file}" ;;
unlisten) lab_stop_listener "$LAB/listener-${1:?port}.pid" ;;
netns) echo "$LAB_NETNS" ;;
attack) lab_attack "$@" ;;
help | -h | --help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
