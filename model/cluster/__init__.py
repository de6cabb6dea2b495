"""Several replicas of the model, in processes of their own on one or more machines, over Ray."""
