"""OpenID provider for demo and tests: a Django project of its own, which `python -m` starts as a process of its own."""
