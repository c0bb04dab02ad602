"""`sedo verify`."""
