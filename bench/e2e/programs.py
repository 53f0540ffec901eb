"""The programs that are run beside each other: our load generator, ceiling, fio."""
import json
import os
import re
import resource
import shutil
import subprocess


class Program:
    def __init__(self, binaries, limits):
        self.binaries = binaries  # forebay, forebayd
        self.limits = limits      # ceiling

    # --- ours ---

    def forebay(self, node, *arguments, stdin=None):
        command = [f"{self.binaries}/forebay", "--server", node.server, *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def create_topic(self, node, name, partitions, *flags, **config):
        pairs = [word for key, value in config.items() for word in ("--config", f"{key.replace('_', '.')}={value}")]
        self.forebay(node, "topic", "create", name, "--partitions", partitions, *flags, *pairs)

    def perf(self, node, verb, topic, *arguments):
        """The JSON of `perf`, and what the client used, under client_cpu_s."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = json.loads(self.forebay(node, "perf", verb, "--topic", topic, *arguments, "-o", "json"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        result["client_cpu_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if result["failed"]:
            raise RuntimeError(f"perf {verb}: {result['failed']} records failed")
        return result

    # --- what the machine gives ---

    def ceiling(self, directory, copies, *arguments):
        """MB/s, p50_ms, p99_ms of the least program that does the same."""
        command = [f"{self.limits}/ceiling", directory, str(copies), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        number = lambda name: float(re.search(rf"{name}=([\d.]+)", done.stdout).group(1))
        return {"mb_per_s": number("MB/s"), "p50": number("p50"), "p99": number("p99")}

    def fio(self, directory, seconds):
        """MB/s of 1 MiB direct durable writes into a file that is written already; None without fio."""
        return self._fio(directory, seconds, "write", "--sync=dsync", "--ioengine=psync", "--size=256M", "--overwrite=1")

    def fio_read(self, directory, seconds):
        """MB/s of 1 MiB direct reads, six under way, of a file that the first call writes; None without fio. Ends with
        remove_fio_files(): to write and delete it each time would disturb what is measured next."""
        return self._fio(directory, seconds, "read", "--ioengine=libaio", "--iodepth=6", "--size=1G", "--fallocate=none",
                         keep=True)

    def remove_fio_files(self, directory):
        for leftover in os.listdir(directory):
            if leftover.startswith("limit."):
                os.remove(os.path.join(directory, leftover))

    def _fio(self, directory, seconds, direction, *options, keep=False):
        if shutil.which("fio") is None:
            return None
        command = ["fio", "--name=limit", f"--directory={directory}", f"--rw={direction}", "--bs=1M", "--direct=1",
                   *options, "--time_based", f"--runtime={seconds}", "--output-format=json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        if not keep:
            self.remove_fio_files(directory)
        return json.loads(done.stdout)["jobs"][0][direction]["bw_bytes"] / 1e6
