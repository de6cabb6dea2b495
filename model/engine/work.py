"""What is to be done beside the decode steps, in pieces: which of them is done between two steps, and when."""

from model.engine.runs import AnyRun, EnlargeRun, QuestionRun, Task

PATIENCE = 32  # steps that finished pictures wait at most for the first words of answers, and pieces of an enlargement
PREFILL_PATIENCE = 8  # pieces of questions' prompts that go before one of a drawing or of a judgement


class Overtaken:
    """Lets one go before another who waits, but not for ever."""

    def __init__(self, most: int) -> None:
        """`most`: pieces that are done in a row while the other one waits."""
        self.most = most
        self._count = 0

    def next(self, first: Task, waiting: Task) -> Task:
        """Choose who is next of two, who may be the same."""
        self._count = self._count + 1 if waiting is not first else 0
        if self._count > self.most:
            self._count = 0
            return waiting
        return first


class Work:
    """The tasks that read prompts, and those that make pixels, each in the order in which they came."""

    def __init__(self) -> None:
        self.prefills: list[Task] = []
        self.pixels: list[Task] = []
        self._debt = 0.0  # seconds that pixels have taken from the rows in flight
        self._patience = PATIENCE
        self._drawings, self._enlargements = Overtaken(PREFILL_PATIENCE), Overtaken(PATIENCE)

    def next_prefill(self) -> Task | None:
        """Choose whose piece is read now: who asks waits for the first word, who draws for the last token."""
        if not self.prefills:
            return None
        task = min(self.prefills, key=lambda task: not isinstance(task.run, QuestionRun))
        waiting = (task for task in self.prefills if not isinstance(task.run, QuestionRun))
        return self._drawings.next(task, next(waiting, task))

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
        waiting = (task for task in self.pixels if isinstance(task.run, EnlargeRun))
        return self._enlargements.next(task, next(waiting, task))

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
