"""The networks of the kit by name, and their weights."""
