"""Training of the networks: tasks that draw data, a loop that learns from it."""
