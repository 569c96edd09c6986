"""What `make run` and the tests start on a developer's machine. Nothing of it runs in production."""
