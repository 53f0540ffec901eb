"""File systems of their own for tests of full and failing disks. They are mounted in a mount namespace of the test's
process: whatever becomes of the test, they go with it."""

import ctypes
import os
import shutil
import subprocess
import unittest

from broker import wait_until

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def need_tools(*names):
    for name in names:
        if shutil.which(name) is None:
            raise unittest.SkipTest(name + " missing")


def need_private_mounts():
    """From here on, this thread and what it starts mounts for itself alone."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("root missing")
    need_tools("mkfs.ext4", "mount", "umount", "losetup")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise unittest.SkipTest("mount namespaces missing: " + os.strerror(ctypes.get_errno()))


def make_image(path, mib):
    with open(path, "wb") as image:
        image.truncate(mib << 20)


class SmallDisk:
    """An ext4 in the image `source`, mounted on a folder below `directory`."""

    def __init__(self, directory, source):
        self.path = os.path.join(directory, "disk")
        self.source = source
        os.makedirs(self.path)
        made = subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", source], capture_output=True, text=True)
        if made.returncode != 0:
            raise unittest.SkipTest("ext4 missing: " + made.stderr.strip())
        self.mount()

    def mount(self):
        done = subprocess.run(["mount", "-o", "loop", self.source, self.path], capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest("loop devices or ext4 missing: " + done.stderr.strip())

    def unmount(self):
        """With everything on its way to the device, or given up."""
        subprocess.run(["umount", self.path], check=True, capture_output=True, timeout=60)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)

    def free_bytes(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave=0):
        """Takes the free space but for `leave` bytes."""
        with open(os.path.join(self.path, "filler"), "ab") as file:
            while self.free_bytes() > leave:
                step = min(self.free_bytes() - leave, 8 << 20)
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, max(step, 4096))
                except OSError:
                    if step <= 4096:
                        return
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, 4096)

    def empty(self):
        os.remove(os.path.join(self.path, "filler"))


class FailingDevice:
    """An image behind a device whose writes fail while `trip_path` exists: nbdkit -> nbdfuse -> a file to be mounted."""

    def __init__(self, directory, mib):
        need_tools("nbdkit", "nbdfuse")
        if not os.path.exists("/dev/fuse"):
            raise unittest.SkipTest("/dev/fuse missing")
        self.trip_path = os.path.join(directory, "trip-writes")
        self.folder = os.path.join(directory, "volume")
        self.path = os.path.join(self.folder, "nbd")
        self.processes = []
        os.makedirs(self.folder)
        image, sock = os.path.join(directory, "device.img"), os.path.join(directory, "nbd.sock")
        make_image(image, mib)
        self._run("nbdkit", "-f", "-U", sock, "--filter=error", "file", image, "error-pwrite=EIO",
                  "error-pwrite-rate=100%", "error-pwrite-file=" + self.trip_path)
        self._wait_for(sock)
        self._run("nbdfuse", self.path, "--unix", sock)
        self._wait_for(self.path)

    def _run(self, *command):
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.PIPE))

    def _wait_for(self, path):
        def there():
            if self.processes[-1].poll() is not None:
                raise unittest.SkipTest("%s missing: %s" % (
                    self.processes[-1].args[0], self.processes[-1].stderr.read().decode(errors="replace").strip()))
            return os.path.exists(path) and (path != self.path or os.path.getsize(path) != 0)
        wait_until(there, "%s appears" % path)

    def fail(self):
        with open(self.trip_path, "w"):
            pass

    def work(self):
        if os.path.exists(self.trip_path):
            os.remove(self.trip_path)

    def close(self):
        self.work()
        subprocess.run(["umount", "-l", self.folder], check=False, capture_output=True)
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stderr.close()
