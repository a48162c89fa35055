"""The challenge's folders and files, read and written."""
