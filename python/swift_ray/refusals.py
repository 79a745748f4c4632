"""What this package refuses, with what helps: commands print the sentence alone, as `Error: …`."""

import click


class Sentence(click.ClickException):
    """What commands and programs print alike."""

    def __str__(self) -> str:
        return self.message


class Refused(Sentence, ConnectionError, RuntimeError):
    """Something that cannot be done on this core; programs catch it as what Ray raises where a cluster is not joined."""


class RayletEnded(Sentence, ConnectionError):
    """A raylet that this process has started. No RuntimeError: Ray takes that for a node that is still to come."""


class HeadEnded(Sentence, ConnectionError, RuntimeError):
    """A head that this process has started; a RuntimeError, as in Ray."""
