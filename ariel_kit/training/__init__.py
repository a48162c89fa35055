"""Train the networks: tasks that draw data, and a loop that learns from them."""
