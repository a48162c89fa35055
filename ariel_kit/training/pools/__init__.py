"""Pools of planets that networks learn from."""
