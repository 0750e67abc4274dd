#!/bin/sh
# First process of a User-Mode Linux guest. The root is that of the machine, read-only. The folder JOB, which the kernel
# hands on from its command line, is the machine's own: what to run is in `command`, what came of it is written beside.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
modules=/usr/lib/uml/modules/$(uname -r)

# What is written stays in memory. The overlay is a module itself, so it is looked for in a root made for that.
mount -t tmpfs scratch /mnt
mkdir -p /mnt/upper /mnt/work /mnt/root /mnt/lib/modules
ln -s "$modules" /mnt/lib/modules/
modprobe -d /mnt overlay
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root || exit 1
umount /proc
pivot_root . mnt
mkdir -p lib/modules
[ -e "/lib/modules/$(uname -r)" ] || ln -s "$modules" /lib/modules/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
for folder in /dev/shm /run; do mount -t tmpfs memory "$folder"; done
# Not /tmp itself: what is to be run may lie there.
mkdir /run/tmp
export TMPDIR=/run/tmp
# Built into most kernels; all others load when they are asked for.
modprobe -a ipv6 br_netfilter

# This kernel has no tables of nftables.
mkdir -p /run/lock /run/legacy /run/job
for tool in iptables ip6tables; do
  for name in $tool $tool-save $tool-restore; do
    ln -s "/usr/sbin/$tool-legacy${name#"$tool"}" "/run/legacy/$name"
  done
done
PATH=/run/legacy:$PATH

mount -t hostfs none -o "$JOB" /run/job
ip link set lo up
cd / && sh /run/job/command </dev/null >/run/job/stdout 2>/run/job/stderr
echo $? >/run/job/status
sync
exec busybox poweroff -f
