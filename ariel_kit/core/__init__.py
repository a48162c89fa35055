"""Foundations of all rooms: values, settings, errors, facts about the machine."""
