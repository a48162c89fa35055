"""The planets that networks learn from."""
