"""What kinds of tasks there are, as headers say it."""

NORMAL, ACTOR_CREATION, ACTOR_CALL = 0, 1, 2
