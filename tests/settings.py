"""The portal's settings for test runs: only the password hasher differs.

Argon2 costs 0.2 s of CPU for each user that a test creates and for each sign-in.
"""

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
]
