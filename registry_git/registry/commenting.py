"""Comments on versions as methods."""

from __future__ import annotations

from registry_git.core.changes import edits
from registry_git.core.names import COMMENT_MAX, Id, ModelName, parse_text, parse_version
from registry_git.registry.views import CommentView, Done
from registry_git.registry.writes import Writes


class Commenting(Writes):
    """The part of the registry in which people talk."""

    def add_comment(self, name: str, version: int | str, text: str, *, id: str | None = None) -> CommentView:
        """A comment on a version, in at most 65,535 characters. Raises: NotFound."""
        model, number = ModelName.parse(name), parse_version(version)
        words = parse_text("comment", text, at_most=COMMENT_MAX, at_least=1)
        act = self._surroundings.act(id=id)
        self._apply(
            act,
            lambda snapshot, act: edits.add_comment(snapshot, act, model=model, version=number, text=words),
        )
        return self._comment(model, number, act.id)

    def edit_comment(self, name: str, version: int | str, comment: str, text: str) -> CommentView:
        """Another text for one's own comment. Raises: NotFound, PermissionDenied."""
        model, number, which = ModelName.parse(name), parse_version(version), Id.parse(comment)
        words = parse_text("comment", text, at_most=COMMENT_MAX, at_least=1)
        self._apply(
            self._act(),
            lambda snapshot, act: edits.edit_comment(
                snapshot, act, model=model, version=number, comment=which, text=words
            ),
        )
        return self._comment(model, number, which)

    def delete_comment(self, name: str, version: int | str, comment: str) -> Done:
        """Removes one's own comment; history keeps it. Raises: NotFound, PermissionDenied."""
        model, number, which = ModelName.parse(name), parse_version(version), Id.parse(comment)
        written = self._apply(
            self._act(),
            lambda snapshot, act: edits.delete_comment(snapshot, act, model=model, version=number, comment=which),
        )
        return Done(commit=written.commit, changed=written.changed)

    def _comment(self, model: ModelName, version: int, which: Id) -> CommentView:
        return next(comment for comment in self.comments(model, version) if comment.id == which)
