"""What this package refuses, with what helps: commands print the sentence alone, as `Error: …`."""

import click


class Refused(click.ClickException, ConnectionError, RuntimeError):
    """Something that cannot be done on this core; programs catch it as what Ray raises where a cluster is not joined."""

    def __str__(self) -> str:
        return self.message
