"""Models of transit light curves, instrumental drift and their white-light fit."""
