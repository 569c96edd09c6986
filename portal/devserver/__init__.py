"""Development server: the processes that `make run` and the tests start. Not used in production."""
