"""Where a node's data is: a folder, or an ext4 on a device that can lose its cache, fail writes and be full."""

import os
import shutil
import subprocess

import machine

IMAGE_MIB = 1024


class Folder:
    """A folder of this machine's disk."""

    name = "folders"

    def __init__(self, directory):
        self.path = os.path.join(directory, "disk")
        os.makedirs(self.path)

    def data(self):
        return os.path.join(self.path, "data")

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def empty(self):
        """The disk is another one: nothing is left."""
        shutil.rmtree(self.data(), ignore_errors=True)


class Device(Folder):
    """file -> nbdkit (failing writes, a cache that only a flush empties) -> nbdfuse -> loop -> ext4."""

    name = "ext4 on nbdkit devices"

    def __init__(self, directory):
        super().__init__(directory)
        self._directory = directory
        self._image = os.path.join(directory, "disk.img")
        self._socket = os.path.join(directory, "nbd.sock")
        self._trip = os.path.join(directory, "trip-writes")
        self._volume = os.path.join(directory, "volume")
        self._server = self._fuse = self._loop = None
        os.makedirs(self._volume)
        with open(self._image, "wb") as image:
            image.truncate(IMAGE_MIB << 20)
        machine.run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1",
                    "-J", "size=8", self._image)
        try:
            self.power_on()
        except BaseException:  # also an interruption: nobody else knows of it yet
            self.close()
            raise

    @staticmethod
    def probe(directory):
        machine.need_root()
        machine.need_tools("nbdkit", "nbdfuse", "losetup", "mkfs.ext4")
        if not os.path.exists("/dev/fuse"):
            raise machine.Missing("/dev/fuse")
        trial = os.path.join(directory, "probe")
        os.makedirs(trial)
        try:
            Device(trial).close()
        except (RuntimeError, TimeoutError) as error:
            raise machine.Missing("nbdkit devices (%s)" % str(error).replace("\n", " ")[:200]) from error
        finally:
            shutil.rmtree(trial, ignore_errors=True)

    def power_on(self):
        environment = dict(os.environ, TMPDIR=self._directory)  # where the cache is
        self._server = machine.start(
            ["nbdkit", "-f", "-U", self._socket, "--filter=error", "--filter=cache", "file", self._image,
             "cache=writeback", "error-pwrite=EIO", "error-pwrite-rate=100%", "error-pwrite-file=" + self._trip],
            os.path.join(self._directory, "nbdkit.log"), environment)
        machine.wait_until(lambda: os.path.exists(self._socket), "nbdkit listens", 10)
        device = os.path.join(self._volume, "nbd")
        self._fuse = machine.start(["nbdfuse", device, "--unix", self._socket],
                                   os.path.join(self._directory, "nbdfuse.log"))
        machine.wait_until(lambda: os.path.exists(device) and os.path.getsize(device) != 0, "nbdfuse serves", 30)
        self._loop = machine.run("losetup", "-f", "--show", device).stdout.strip()
        machine.run("mount", "-t", "ext4", self._loop, self.path)

    def power_off(self):
        """What was not flushed is lost. No process may use the disk any more."""
        self._server.kill()
        self._server.wait()
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        self._take_apart()

    def _take_apart(self):
        machine.end(self._fuse)
        subprocess.run(["umount", "-l", self._volume], check=False, capture_output=True)
        if self._loop is not None:
            subprocess.run(["losetup", "-d", self._loop], check=False, capture_output=True)
            self._loop = None
        if os.path.exists(self._socket):
            os.remove(self._socket)

    def fail_writes(self):
        with open(self._trip, "w"):
            pass

    def mend_writes(self):
        if os.path.exists(self._trip):
            os.remove(self._trip)

    def fill(self, leave=0):
        with open(os.path.join(self.path, "filler"), "ab") as file:
            while True:
                status = os.statvfs(self.path)
                step = min(status.f_bavail * status.f_frsize - leave, 64 << 20)
                if step < 4096:
                    return
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
                except OSError:
                    return  # full before it was said

    def empty_filler(self):
        path = os.path.join(self.path, "filler")
        if os.path.exists(path):
            os.remove(path)
            # Else a power cut brings it back, and with it the full disk, on which no node can start.
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
        if self._server is not None:
            machine.end(self._server)
        self._take_apart()
        if os.path.exists(self._image):
            os.remove(self._image)


def make(directory, kind):
    os.makedirs(directory, exist_ok=True)
    return Device(directory) if kind == "device" else Folder(directory)
