"""Seven users of the demo, one or two for each part. Random passwords are stored in the state folder and printed."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.contrib.auth.hashers import check_password

from portal.accounts.models import User
from portal.accounts.roles import Role, add_to_role
from portal.devserver.state_dir import load_or_create_json

PEOPLE = {
    "requester": ("Rita Requester", Role.REQUESTER),
    "requester2": ("Remy Requester", Role.REQUESTER),
    "approver": ("Ana Approver", Role.APPROVER),
    "approver2": ("Abel Approver", Role.APPROVER),
    "auditor": ("Aura Auditor", Role.AUDITOR),
    "admin": ("Adam Administrator", Role.ADMINISTRATOR),
    "admin2": ("Alma Administrator", Role.ADMINISTRATOR),
}


def ensure_demo_users(state: Path) -> dict[str, str]:
    """Create the accounts if they are missing; return passwords by user name, which a state folder keeps.

    The accounts have `is_demo` set, so that they cannot sign in when PORTAL_DEMO is off.
    """
    passwords = load_or_create_json(state / "accounts.json", {name: _new_password() for name in PEOPLE})
    for username, (full_name, role) in PEOPLE.items():
        first_name, last_name = full_name.split()
        user = User.objects.find_by_name(username)
        new = user is None
        if user is None:
            user = User(username=username, first_name=first_name, last_name=last_name, is_demo=True)
            user.save()
        if not user.is_demo:
            continue  # a real account of that name keeps its password
        if not check_password(passwords[username], user.password):
            user.set_password(passwords[username])
            user.save(update_fields=["password"])
        if new:
            add_to_role(user, role)
    return passwords


def _new_password() -> str:
    return "-".join(secrets.token_hex(2) for _ in range(3))
