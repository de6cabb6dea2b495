"""The little world of the demo checkpoint: its scenes and their words, the training, and the judge.

    python -m model.demo train    # everything from scratch, resumable
    python -m model.demo judge    # the table and the contact sheets

Read in this order: `world`, `codes`, `wishes`, `wording`, `questions`, `network`, `train_language`. Only training, the
judge and their tests import this package: what the program draws and answers, it draws and answers by the model alone.
"""
