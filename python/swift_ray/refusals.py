"""What this package refuses, with what helps: commands print the sentence alone, as `Error: …`."""

import click


class Refused(click.ClickException):
    """Something that cannot be done on this core."""

    def __str__(self) -> str:
        return self.message
