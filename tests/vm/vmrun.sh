#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots a distribution's kernel under qemu on this machine's files, and runs a command there.
usage() {
	cat <<'TEXT'
vmrun.sh [OPTIONS] COMMAND…: runs a shell command under another kernel

The guest is emulated (no KVM is asked for), has cgroup v2 only, no network, and sees this machine's
files: changes stay in its memory. /run and /tmp begin empty. Output, errors and exit status are the
command's; 77 and the reason: this machine cannot do it; 124: time is up; 125: it did not boot.

  -k KERNEL   the distribution's package, a .deb file, or a tree with boot/ and lib/modules/
              (linux-image-amd64, on Ubuntu linux-image-generic; linux-image-6.12-amd64 and
              linux-image-generic-hwe-22.04 are others)
  -m MIB      memory (768)
  -c CPUS     processors (2)
  -t SECONDS  time it may take (600)
  -a WORDS    more words for the kernel's command line; the later word wins
  -l MODULES  its security modules, in order (landlock,lockdown,yama,integrity,bpf)
  -w DIR      share DIR for writing, at the same place (may be given again)
  -e N=VALUE  set a variable for the command (may be given again)
  -u          look for a newer kernel first
  -p          fetch and unpack the kernel only, print its tree

Kernels are kept in build/vm.
TEXT
}

set -u -o pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/build/vm

kernel='' mib=768 cpus=2 seconds=600 words='' prepare='' update=''
lsm=landlock,lockdown,yama,integrity,bpf # apparmor would have an engine ask for its tools
shares=() variables=()

say() {
	printf 'vm: %s\n' "$*" >&2
}

skip() {
	echo "$*"
	exit 77
}

die() {
	say "$*"
	exit 125
}

# ---- the kernel ----

# uncompress DIR VERSION: does here, in a second, what takes the guest eight. Without it a kernel boots too.
uncompress() {
	local from tool magic
	grep -q '^CONFIG_PVH=y' "$1/config-$2" 2>/dev/null || return 0
	for tool in xz zstd; do
		magic='\xFD7zXZ\x00'
		[ $tool = xz ] || magic='\x28\xB5\x2F\xFD'
		from=$(LC_ALL=C grep -abom 1 -P "$magic" "$1/vmlinuz-$2" | head -n 1 | cut -d: -f1)
		[ -n "$from" ] || continue
		tail -c "+$((from + 1))" "$1/vmlinuz-$2" | $tool -dc 2>/dev/null >"$1/vmlinux-$2" # more follows
		[ "$(head -c 4 "$1/vmlinux-$2" | tail -c 3)" = ELF ] && return
		rm "$1/vmlinux-$2"
	done
}

# unpack TREE DEB…: kernel and modules only, which Ubuntu has in packages of their own.
unpack() {
	local tree=$1 new=$1.new deb
	shift
	rm -rf "$new"
	mkdir -p "$new"
	for deb in "$@"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$new" -x --no-same-owner --wildcards \
			--exclude='./usr/share' './boot/*' './*lib/modules/*' 2>/dev/null
	done
	[ -d "$new/boot" ] || die "no kernel in $*"
	if [ ! -d "$new/lib/modules" ] && [ -d "$new/usr/lib/modules" ]; then
		mkdir -p "$new/lib" && mv "$new/usr/lib/modules" "$new/lib/"
	fi
	version=$(basename "$new"/lib/modules/*)
	depmod -b "$new" "$version" || die 'depmod failed'
	uncompress "$new/boot" "$version"
	mv "$new" "$tree"
}

# The image that a package such as linux-image-amd64 stands for; empty: no such package.
concrete() {
	local dep
	dep=$(apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	if [ -n "$dep" ]; then
		echo "$dep"
	elif apt-cache show "$1" >/dev/null 2>&1; then
		echo "$1"
	fi
}

# fetch PACKAGE LINK: the package's tree, with a link to it that spares asking apt the next time.
fetch() {
	local image modules tmp
	image=$(concrete "$1")
	if [ -z "$image" ] || [ -n "$update" ]; then
		apt-get update >"$cache/apt.log" 2>&1
		image=$(concrete "$1")
	fi
	[ -n "$image" ] || skip "this distribution has no package $1"
	if [ ! -d "$cache/$image" ]; then
		say "fetching $image"
		tmp=$(mktemp -d "$cache/deb.XXXXXX") || die 'no room'
		modules=$(apt-cache depends "$image" | sed -n 's/^ *Depends: \(linux-modules-[0-9].*\)/\1/p')
		# shellcheck disable=SC2086 # none or one
		if ! (cd "$tmp" && apt-get download "$image" $modules >"$cache/apt.log" 2>&1); then
			rm -rf "$tmp"
			skip "$image could not be fetched, see build/vm/apt.log"
		fi
		unpack "$cache/$image" "$tmp"/*.deb
		rm -rf "$tmp"
	fi
	ln -sfn "$image" "$2"
}

# Sets tree, version, binary.
kernel_get() {
	local link
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock -w 900 9 || die 'another vmrun.sh holds build/vm/lock'
	if [ -z "$kernel" ]; then
		kernel=linux-image-amd64
		grep -qs '^ID=ubuntu' /etc/os-release && kernel=linux-image-generic
	fi
	if [ -d "$kernel" ]; then
		tree=$(cd "$kernel" && pwd)
	elif [ -f "$kernel" ]; then
		tree=$cache/$(basename "$kernel" .deb)
		[ -d "$tree" ] || unpack "$tree" "$kernel"
	else
		link=$cache/package-$kernel
		if [ ! -d "$link" ] || [ -n "$update" ]; then
			fetch "$kernel" "$link"
		fi
		tree=$(readlink -f "$link")
	fi
	version=$(basename "$tree"/lib/modules/*)
	binary=$tree/boot/vmlinux-$version
	[ -f "$binary" ] || binary=$tree/boot/vmlinuz-$version
	[ -f "$binary" ] || die "no kernel in $tree"
}

# ---- the first root file system: what it takes to reach this machine's files ----

initramfs() {
	local dir=$cache/initramfs.new file name
	image=$tree/initramfs.cpio
	if [ "$image" -nt "$here/init" ] && [ "$image" -nt "$0" ]; then
		return 0
	fi
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,modules,proc,sys,dev,job,lower,rw,new}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	cp "$here/init" "$dir/init"
	for name in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
		modprobe -d "$tree" -S "$version" --show-depends "$name" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=$(basename "$file")
		case $name in
		*.xz) xz -dc "$file" >"$dir/modules/${name%.xz}" ;;
		*.zst) zstd -qdc "$file" >"$dir/modules/${name%.zst}" ;;
		*) cp "$file" "$dir/modules/$name" ;;
		esac || die "$file"
		echo "${name%%.ko*}.ko" >>"$dir/modules/order"
	done
	(cd "$dir" && find . | busybox cpio -o -H newc 2>/dev/null) >"$image.new" || die 'initramfs failed'
	mv "$image.new" "$image"
	rm -rf "$dir"
}

# ---- the run ----

# What the guest is told, as shell text.
job_write() {
	local i share job=$run/job
	mkdir "$job"
	{
		printf 'cwd=%q\nshares=(' "$PWD"
		for share in ${shares[@]+"${shares[@]}"}; do
			printf ' %q' "$share"
		done
		printf ' )\nexport PATH=%q HOME=/root USER=root TERM=dumb LANG=C.UTF-8\n' \
			/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		for i in ${variables[@]+"${variables[@]}"}; do
			printf 'export %q\n' "$i"
		done
	} >"$job/env"
	printf '%s\n' "$*" >"$job/command"
	cp "$here/start" "$job/start"
	case $root in # where the guest has empty file systems
	/tmp/* | /run/*) printf '%s' "$root" >"$job/keep" ;;
	esac
}

qemu_run() {
	local args=() i=0 share
	for share in ${shares[@]+"${shares[@]}"}; do
		args+=(-virtfs "local,path=$share,mount_tag=rw$i,security_model=none,multidevs=remap")
		i=$((i + 1))
	done
	mkfifo "$run/out" "$run/err"
	cat "$run/out" &
	cats=($!)
	cat "$run/err" >&2 &
	cats+=($!)
	timeout -k 5 "$seconds" qemu-system-x86_64 \
		-machine pc -accel tcg,thread=multi -cpu max -smp "$cpus" -m "$mib" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$binary" -initrd "$image" \
		-append "console=ttyS0 quiet loglevel=1 panic=-1 tsc=reliable lpj=1000000 mitigations=off \
random.trust_cpu=on nokaslr lsm=$lsm rdinit=/init $words" \
		-serial "file:$run/console" -device virtio-serial \
		-chardev "file,id=out,path=$run/out" -device virtserialport,chardev=out,nr=1 \
		-chardev "file,id=err,path=$run/err" -device virtserialport,chardev=err,nr=2 \
		-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap" \
		-virtfs "local,path=$tree/lib/modules,mount_tag=modules,security_model=none,readonly=on" \
		-virtfs "local,path=$run/job,mount_tag=job,security_model=none" \
		${args[@]+"${args[@]}"} </dev/null >"$run/qemu" 2>&1 &
	pid=$!
	wait "$pid"
	status=$?
	pid=
}

# Also when interrupted: nothing of ours stays behind.
finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	kill ${cats[@]+"${cats[@]}"} 2>/dev/null
	rm -rf "$run"
}

# The guest took the command's status down; else tell what can be known.
conclude() {
	wait "${cats[@]}"
	if [ -s "$run/job/status" ]; then
		exit "$(cat "$run/job/status")"
	fi
	if [ $status -eq 124 ]; then
		say "still running after $seconds s"
	else
		say 'the guest ended without a word; its console:'
		status=125
	fi
	tail -n 30 "$run/qemu" "$run/console" >&2
	exit $status
}

while getopts k:m:c:t:a:l:w:e:uph option; do
	case $option in
	k) kernel=$OPTARG ;;
	m) mib=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) seconds=$OPTARG ;;
	a) words=$OPTARG ;;
	l) lsm=$OPTARG ;;
	w) shares+=("$(readlink -f "$OPTARG")") ;;
	e) variables+=("$OPTARG") ;;
	u) update=1 ;;
	p) prepare=1 ;;
	h) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ] && [ -z "$prepare" ]; then
	usage >&2
	exit 2
fi

[ "$(uname -m)" = x86_64 ] || skip 'made for x86-64 only'
for tool in qemu-system-x86_64 busybox modprobe depmod dpkg-deb apt-get flock xz; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
kernel_get
initramfs
exec 9>&-
if [ -n "$prepare" ]; then
	echo "$tree"
	exit 0
fi
pid='' cats=()
run=$(mktemp -d "$cache/run.XXXXXX") || die 'no room'
trap finish EXIT
trap 'exit 130' INT TERM HUP
job_write "$*"
qemu_run
conclude
