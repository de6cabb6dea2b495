"""Everything that knows torch; a library in its own right. It never imports discord, and nothing of its own here."""

import logging

# transformers imports torchao wherever it is installed, and torch tells at each start that it would write its enums
# in another way: nobody here can do anything about that
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
