# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Small real images made from this machine's own files, without a registry.

LAB_MULTIARCH=$(gcc -print-multiarch 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null ||
	echo "$(uname -m)-linux-gnu")

# lab_root_base DIR: busybox with all its applets, and the files that attacks look for. The shell is
# dash where this machine has it: busybox's own runs applets as "exe", which no usual image does.
lab_root_base() {
	local root=$1 applet
	mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc,root,home/app,srv,var/log,var/www,run,proc,sys,dev}
	mkdir -p "$root/tmp" "$root/var/tmp"
	chmod 1777 "$root/tmp" "$root/var/tmp"
	cp -L "$(command -v busybox)" "$root/bin/busybox"
	for applet in $("$root/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	if [ -x /bin/dash ]; then
		lab_copy_elf "$root" /bin/dash
		ln -sf dash "$root/bin/sh"
	fi
	cat >"$root/etc/passwd" <<-'TEXT'
		root:x:0:0:root:/root:/bin/sh
		www-data:x:33:33:www-data:/var/www:/bin/false
		app:x:1000:1000:app:/home/app:/bin/sh
	TEXT
	printf 'root:x:0:\nshadow:x:42:\nwww-data:x:33:\napp:x:1000:\n' >"$root/etc/group"
	# Hashes of no password.
	printf 'root:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\napp:!:19000:0:99999:7:::\n' \
		>"$root/etc/shadow"
	chmod 640 "$root/etc/shadow"
	chown 0:42 "$root/etc/shadow"
	chown 1000:1000 "$root/home/app"
	printf 'NAME="lab"\nID=lab\nVERSION_ID=1\nPRETTY_NAME="lab base"\n' >"$root/etc/os-release"
	printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
	chmod 700 "$root/root"
}

# lab_copy_elf ROOT FILE [AS]: with the shared libraries that it names, at the same paths.
lab_copy_elf() {
	local root=$1 file=$2 as=${3:-$2} lib
	mkdir -p "$root/$(dirname "$as")"
	rm -f "$root/$as" # an applet's link must not lead the copy to busybox
	cp -L "$file" "$root/$as"
	for lib in $(ldd "$file" 2>/dev/null | grep -oE '/[^ ]+' | sort -u); do
		[ -e "$root/$lib" ] || install -D -m 755 "$lib" "$root/$lib"
	done
}

# lab_copy_package ROOT PACKAGE REGEX: those files of an installed package.
lab_copy_package() {
	local f
	dpkg -L "$2" 2>/dev/null | grep -E "$3" | while read -r f; do
		[ -d "$f" ] || printf '%s\n' "$f"
	done | tar -C / --ignore-failed-read -c -T - 2>/dev/null | tar -C "$1" -x
}

# lab_root_tools DIR: base, and bash, perl, python3, netcat and socat where this machine has them.
lab_root_tools() {
	local root=$1 py tool
	lab_root_base "$root"
	lab_copy_elf "$root" /bin/bash
	for tool in /bin/nc.openbsd /usr/bin/socat /usr/bin/curl; do
		[ -x "$tool" ] && lab_copy_elf "$root" "$tool"
	done
	[ -e "$root/bin/nc.openbsd" ] && ln -sf nc.openbsd "$root/bin/nc"
	if [ -x /usr/bin/perl ]; then
		lab_copy_elf "$root" /usr/bin/perl
		lab_copy_package "$root" perl-base "^/usr/lib/$LAB_MULTIARCH/perl-base/"
	fi
	if [ -x /usr/bin/python3 ]; then
		py=$(readlink -f /usr/bin/python3)
		lab_copy_elf "$root" "$py"
		ln -sf "$(basename "$py")" "$root/usr/bin/python3"
		lab_copy_package "$root" "lib$(basename "$py")-minimal" "^/usr/lib/$(basename "$py")/"
		lab_copy_package "$root" "lib$(basename "$py")-stdlib" \
			"^/usr/lib/$(basename "$py")/((pty|tty)\\.py|lib-dynload/termios\\..*so)$"
	fi
}

# lab_image base|tools: makes lab/NAME:1 unless the engine has it.
lab_image() {
	local name=$1 root
	case $name in
	base | tools) ;;
	*) lab_die "no image $name: base, tools" ;;
	esac
	lab_answers || lab_die 'not up'
	if docker image inspect "lab/$name:1" >/dev/null 2>&1; then
		return 0
	fi
	root=$LAB/root-$name
	rm -rf "$root"
	mkdir -p "$root"
	"lab_root_$name" "$root"
	tar -C "$root" --numeric-owner -c . | docker import \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change 'CMD ["/bin/sh"]' --change 'LABEL org.skep.lab=1' - "lab/$name:1" >/dev/null ||
		lab_die "import of lab/$name:1 failed"
	rm -rf "$root"
}
