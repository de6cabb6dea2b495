"""What is to be done beside the decode steps, in pieces: which of them is done between two steps, and when."""

from model.engine.runs import AnyRun, EnlargeRun, QuestionRun, Task

PATIENCE = 32  # steps that finished pictures wait at most for the first words of answers, and pieces of an enlargement


class Work:
    """The tasks that read prompts, and those that make pixels, each in the order in which they came."""

    def __init__(self) -> None:
        self.prefills: list[Task] = []
        self.pixels: list[Task] = []
        self._debt = 0.0  # seconds that pixels have taken from the rows in flight
        self._patience = PATIENCE
        self._overtaken = 0  # pieces that were done for others while an enlargement waited

    def next_prefill(self) -> Task | None:
        """Choose whose piece is read now: who asks waits for the first word, who draws for the last token."""
        return min(self.prefills, key=lambda task: not isinstance(task.run, QuestionRun), default=None)

    def next_pixels(self, *, moving: bool, unsaid: bool) -> Task | None:
        """Choose whose piece is done now, if it is the turn of pixels; not for ever is it anybody else's.

        `moving`: there are rows that could do a step. `unsaid`: somebody waits for the first word of an answer.
        """
        if not self.pixels or (moving and self._debt > 0):
            return None
        self._patience = self._patience - 1 if unsaid and self._patience else PATIENCE
        if unsaid and self._patience > 0:
            return None
        # finished pictures first: an enlargement may have a hundred pieces
        task = min(self.pixels, key=lambda task: isinstance(task.run, EnlargeRun))
        waiting = next((task for task in self.pixels if isinstance(task.run, EnlargeRun)), task)
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
        return any(task.run is run for task in self.pixels)

    def done(self, task: Task) -> None:
        """Drop a task."""
        for tasks in (self.prefills, self.pixels):
            tasks[:] = [other for other in tasks if other is not task]

    def drop(self, run: AnyRun) -> None:
        """Drop all that is to be done for a request."""
        for task in [task for task in (*self.prefills, *self.pixels) if task.run is run]:
            self.done(task)
