"""The writer lock: exclusive, fair, and gone with its holder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from registry_git.core.errors import Unavailable
from registry_git.gitstore.lock import WriterLock

PROJECT = Path(__file__).parent.parent

HOLD = """
import sys, time
from pathlib import Path
from registry_git.gitstore.lock import WriterLock
with WriterLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

WORK = """
import os, sys, time
from pathlib import Path
from registry_git.gitstore.lock import WriterLock
git_dir, until = Path(sys.argv[1]), float(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
done = 0
end = time.monotonic() + until
while time.monotonic() < end:
    with WriterLock(git_dir):
        os.mkdir(git_dir / "inside")  # fails when somebody else is in
        time.sleep(0.01)
        os.rmdir(git_dir / "inside")
    done += 1
print(done)
"""


def hold(git_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(git_dir)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def give_up(git_dir: Path, seconds: float) -> None:
    """Another thread of this process waits for the lock that we hold, in vain."""
    refused: list[Unavailable] = []

    def wait() -> None:
        try:
            WriterLock(git_dir, timeout_seconds=seconds).__enter__()
        except Unavailable as problem:
            refused.append(problem)

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join()
    assert refused


def test_who_waits_too_long_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        started = time.monotonic()
        with pytest.raises(Unavailable, match=f"process {holder.pid} "), WriterLock(tmp_path, timeout_seconds=0.2):
            pytest.fail("two held the lock")
        assert 0.2 <= time.monotonic() - started < 5
        holder.kill()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
    with WriterLock(tmp_path, timeout_seconds=5):
        pass


def test_who_gave_up_does_not_get_the_lock_behind_everybodys_back(tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        give_up(tmp_path, 0.1)
    for _ in range(3):
        with WriterLock(tmp_path, timeout_seconds=5):
            pass


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), WriterLock(tmp_path):
        raise ValueError("inside")
    with WriterLock(tmp_path, timeout_seconds=1):
        pass


def test_threads_that_share_one_lock_object_take_turns(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with lock:
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_taking_it_twice_in_one_thread_is_an_error_and_no_deadlock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    with lock, pytest.raises(RuntimeError), lock:
        pass


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        pass
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with WriterLock(tmp_path):
            give_up(tmp_path, 0.01)
    until = time.monotonic() + 5
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_signal_that_ends_the_waiting_leaves_no_lock_behind(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        previous = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with pytest.raises(KeyboardInterrupt), WriterLock(tmp_path):
                pass
        finally:
            signal.signal(signal.SIGALRM, previous)
        holder.kill()
    with WriterLock(tmp_path, timeout_seconds=5):
        pass


def test_a_lock_file_that_was_removed_while_we_waited_is_made_again(tmp_path: Path) -> None:
    found: list[bool] = []

    def wait() -> None:
        with WriterLock(tmp_path, timeout_seconds=10):
            found.append((tmp_path / "registry-git" / "writer.lock").exists())

    waiter = threading.Thread(target=wait)
    with WriterLock(tmp_path):
        waiter.start()
        while not any(thread.name == "registry-git-lock" for thread in threading.enumerate()):
            time.sleep(0.001)
        shutil.rmtree(tmp_path / "registry-git")
    waiter.join()
    assert found == [True]


def test_its_files_get_the_permissions_of_the_repository_and_are_left_alone_from_then_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    files = [tmp_path / "registry-git" / name for name in ("writer.gate", "writer.lock")]
    with WriterLock(tmp_path):
        assert [path.stat().st_mode & 0o777 for path in files] == [0o660, 0o660]
    before = [path.stat().st_ctime_ns for path in files]
    with WriterLock(tmp_path):
        pass
    assert [path.stat().st_ctime_ns for path in files] == before
    files[1].chmod(0o600)
    with WriterLock(tmp_path):
        assert files[1].stat().st_mode & 0o777 == 0o660


def test_eight_writers_never_meet_and_get_equal_shares(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, str(tmp_path), "2.5"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for _ in range(8)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    answers = [worker.communicate() for worker in workers]
    assert [error for _, error in answers] == [""] * 8
    shares = [int(text) for text, _ in answers]
    assert sum(shares) ** 2 / (8 * sum(share**2 for share in shares)) >= 0.95
