"""The program without the start of an interpreter for each call: forks of one that has it loaded.

A call is a process of its own here as well, with its own standard streams, environment and directory; what it saves
is the import of the program, which takes most of its time. Some tests run the program as installed all the same: those
of README.md, of following and of a guarded repository, and of pushes that a guarded registry lets in.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What is called: hands over arguments, directory, environment and streams, and ends as the fork does.
_CALL = """#!{python} -IS
import os, socket, sys
here = socket.socket(socket.AF_UNIX)
here.connect({socket!r})
words = [os.getcwd(), str(len(sys.argv)), *sys.argv, *[f"{{k}}={{v}}" for k, v in os.environ.items()]]
told = "\\0".join(words).encode("utf-8", "surrogateescape")
socket.send_fds(here, [len(told).to_bytes(4, "big")], [0, 1, 2])
here.sendall(told)
status = here.recv(1)
sys.exit(status[0] if status else 70)
"""

_SERVE = """
import io, os, signal, socket, sys, time
import pygit2
from pygit2.enums import ConfigLevel
from registry_git.cli.main import main
import registry_git.app, registry_git.cli.commands.hook, registry_git.cli.shapes, registry_git.gitstore.durable
import registry_git.registry.facade, registry_git.registry.judging.pushed

def serve(listener):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        call, _ = listener.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            status = 70
            try:
                status = answer(call)
            finally:
                call.sendall(bytes([status]))
                os._exit(0)
        call.close()

def answer(call):
    size, streams, _, _ = socket.recv_fds(call, 4, 3)
    left = int.from_bytes(size, "big")
    told = b""
    while len(told) < left:
        told += call.recv(left - len(told))
    place, count, *words = told.decode("utf-8", "surrogateescape").split("\\0")
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(place)
    os.environ.clear()
    os.environ.update(word.split("=", 1) for word in words[int(count):])
    time.tzset()
    home = os.environ.get("HOME", "")
    pygit2.settings.search_path[ConfigLevel.GLOBAL] = home
    pygit2.settings.search_path[ConfigLevel.XDG] = os.environ.get("XDG_CONFIG_HOME", home + "/.config") + "/git"
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = words[:int(count)]
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        status = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return status

with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen(16)
    print("ready", flush=True)
    serve(listener)
"""


@contextmanager
def warm_program() -> Iterator[Path]:
    """A directory with `registry-git`, which is answered by forks while the block runs."""
    with tempfile.TemporaryDirectory() as place:
        socket = str(Path(place) / "socket")
        server = subprocess.Popen([sys.executable, "-c", _SERVE, socket], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            programs = Path(place) / "bin"
            programs.mkdir()
            program = programs / "registry-git"
            program.write_text(_CALL.format(python=sys.executable, socket=socket), encoding="utf-8")
            program.chmod(0o755)
            yield programs
        finally:
            server.kill()
            server.communicate()


@contextmanager
def warm_hooks(repository: Path) -> Iterator[None]:
    """The hooks of `repository`, and of copies of it, are answered by forks while the block runs."""
    with warm_program() as programs:
        for hook in ("pre-receive", "reference-transaction"):
            file = repository / "hooks" / hook
            text = file.read_text(encoding="utf-8")
            first, _, rest = text.partition("exec ")
            assert rest.count(" hook ") == 1, text
            command = shlex.quote(str(programs / "registry-git"))
            file.write_text(f"{first}exec {command} hook {rest.partition(' hook ')[2]}", encoding="utf-8")
        yield
