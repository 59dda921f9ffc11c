"""The registry as it is now, to be read: with what is known of today alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_git.core.names import ConsumerName, ModelName, parse_version
from registry_git.registry.reading import Reading

if TYPE_CHECKING:
    from registry_git.registry.observed import Observed


class Present(Reading):
    """Answers about what `main` holds, and who uses it."""

    def observations(
        self, name: str | None = None, version: int | str | None = None, *, consumer: str | None = None
    ) -> list[Observed]:
        """The versions that consumers were seen to use, by consumer: of all, of a model, of a version, by a consumer.

        What was noted here and not recorded yet is among them. In a clone the remote is asked first.

        Raises:
            Invalid: no name.
        """
        model = None if name is None else ModelName.parse(name)
        number = None if version is None else parse_version(version)
        who = None if consumer is None else ConsumerName.parse(consumer)
        from registry_git.registry.observed import observed  # few reads ask for it

        self._store.refresh_to_read()
        return [
            one
            for one in observed(self._store)
            if (model is None or one.model == model)
            and (number is None or one.version == number)
            and (who is None or one.consumer == who)
        ]
