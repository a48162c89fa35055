"""The physics of a light curve that several stages share."""
