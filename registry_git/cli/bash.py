"""Completion for bash: `fraud@champion` and `models:/fraud/1` are one word, and `git registry` completes too."""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

# bash breaks words at : = and @, and replaces only what stands behind the last of them.
_SCRIPT = """\
_registry_git_reply() {
    local line=$1 word prefix kind value
    word=${line##*[[:space:]]}
    prefix=${word%"${word##*[:=@]}"}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("${value#"$prefix"}") ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
        esac
    done < <(REGISTRY_GIT_LINE=$line _REGISTRY_GIT_COMPLETE=bash_complete registry-git 2>/dev/null)
}
_registry_git_completion() { _registry_git_reply "x ${COMP_LINE:${#1}:COMP_POINT-${#1}}"; }
# called by git's own completion for `git registry ...`
_git_registry() { local line=${COMP_LINE:0:COMP_POINT}; _registry_git_reply "x ${line#*registry}"; }
complete -o nosort -F _registry_git_completion registry-git git-registry
"""


class Bash(BashComplete):
    """Completes the line that `REGISTRY_GIT_LINE` holds up to the cursor; its first word is the program."""

    source_template: ClassVar[str] = _SCRIPT

    def source(self) -> str:
        """The script for ~/.bashrc."""
        return _SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being written, and that one."""
        line = os.environ.get("REGISTRY_GIT_LINE", "")
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """One line of the answer."""
        return f"{item.type},{item.value}"


add_completion_class(Bash, "bash")
