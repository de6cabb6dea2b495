"""Pictures to be painted, previewed and enlarged: which piece of that work is done between two steps, and when."""

from model.engine.runs import AnyRun, EnlargeRun, Task

PATIENCE = 32  # steps that finished pictures wait at most for the first words of answers, and pieces of an enlargement


class PixelWork:
    """The tasks that make pixels, in the order in which they came."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self._debt = 0.0  # seconds that pixels have taken from the rows in flight
        self._patience = PATIENCE
        self._overtaken = 0  # pieces that were done for others while an enlargement waited

    def next(self, *, moving: bool, unsaid: bool) -> Task | None:
        """Choose whose piece is done now, if it is the turn of pixels; not for ever is it anybody else's.

        `moving`: there are rows that could do a step. `unsaid`: somebody waits for the first word of an answer.
        """
        if not self.tasks or (moving and self._debt > 0):
            return None
        self._patience = self._patience - 1 if unsaid and self._patience else PATIENCE
        if unsaid and self._patience > 0:
            return None
        # finished pictures first: an enlargement may have a hundred pieces
        task = min(self.tasks, key=lambda task: isinstance(task.run, EnlargeRun))
        waiting = next((task for task in self.tasks if isinstance(task.run, EnlargeRun)), task)
        self._overtaken = self._overtaken + 1 if waiting is not task else 0
        if self._overtaken > PATIENCE:
            self._overtaken = 0
            return waiting
        return task

    def worked(self, seconds: float) -> None:
        """Take note of how long a piece kept rows in flight waiting."""
        self._debt = seconds

    def stepped(self, seconds: float) -> None:
        """Take note of a step."""
        self._debt -= seconds

    def serves(self, run: AnyRun) -> bool:
        """Tell whether something is to be done for a request."""
        return any(task.run is run for task in self.tasks)

    def drop(self, run: AnyRun) -> None:
        """Drop all that is to be done for a request."""
        self.tasks = [task for task in self.tasks if task.run is not run]
