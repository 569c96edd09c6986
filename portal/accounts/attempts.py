"""Limits of password attempts, counted in rows that only time or a correct password removes.

Each attempt is counted before its password is compared, and uncounted if the password was right, so that parallel
guesses do not exceed a limit. Times are database time.
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from portal.accounts.limits import Limit, lock_subject, require_room
from portal.accounts.models import CountedAct, KnownAddress, User
from portal.accounts.usernames import fold_username

PER_NAME_AND_ADDRESS: tuple[Limit, ...] = ((5, timedelta(minutes=5)), (20, timedelta(hours=1)))
PER_NAME_WHERE_MANY_ARE_TRIED: tuple[Limit, ...] = ((3, timedelta(minutes=5)), (9, timedelta(hours=1)))
PER_NAME: tuple[Limit, ...] = ((300, timedelta(hours=1)),)
MANY_NAMES = 20
"""Names that failed from one address within an hour; from this number on the address gets the stricter limits."""
ADDRESS_KNOWN_FOR = timedelta(days=30)


def reserve_sign_in(name: str, address: str) -> CountedAct:
    """Count a sign-in with this name from this address. Raises LimitReached.

    The limits count attempts for this name only: guesses at other names from the address do not lock a user out.
    """
    subject = _hash("sign-in", fold_username(name))
    with transaction.atomic():
        lock_subject(subject)
        require_attempt(name, address)
        return CountedAct.objects.create(subject=subject, address=network_of(address))


def require_attempt(name: str, address: str) -> None:
    """Raise LimitReached if no sign-in with this name from this address is allowed now."""
    address = network_of(address)
    of_name = CountedAct.objects.filter(subject=_hash("sign-in", fold_username(name)))
    known = KnownAddress.objects.filter(
        person__username_key=fold_username(name), address=address, at__gt=Now() - ADDRESS_KNOWN_FOR
    ).exists()
    # The same limits for existing and unknown names: otherwise they would reveal which names exist.
    limits = PER_NAME_WHERE_MANY_ARE_TRIED if _many_names_fail_from(address) else PER_NAME_AND_ADDRESS
    require_room(of_name.filter(address=address), limits)
    if not known:
        require_room(of_name, PER_NAME)


def reserve_confirmation(person: User) -> CountedAct:
    """Count a password confirmation of a signed-in user, apart from sign-ins. Raises LimitReached."""
    return _reserve("confirm", person)


def reserve_code(person: User) -> CountedAct:
    """Count a code of a second factor, apart from passwords. Raises LimitReached."""
    return _reserve("code", person)


def _reserve(purpose: str, person: User) -> CountedAct:
    subject = _hash(purpose, str(person.pk))
    with transaction.atomic():
        lock_subject(subject)
        require_room(CountedAct.objects.filter(subject=subject), PER_NAME_AND_ADDRESS)
        return CountedAct.objects.create(subject=subject)


def remember_address(person: User, address: str) -> None:
    """Record that the user has signed in from this address now."""
    KnownAddress.objects.update_or_create(person=person, address=network_of(address), defaults={"at": Now()})


def forget_addresses() -> int:
    """Delete addresses last used more than ADDRESS_KNOWN_FOR ago; return how many."""
    return KnownAddress.objects.filter(at__lt=Now() - ADDRESS_KNOWN_FOR).delete()[0]


def network_of(address: str) -> str:
    """Return the address that is counted: for IPv6 the /64 network, since one customer may use all its addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed), 64), strict=False).network_address)


def _many_names_fail_from(address: str) -> bool:
    recent = CountedAct.objects.filter(address=address, at__gt=Now() - timedelta(hours=1))
    return len(recent.order_by().values("subject").distinct()[:MANY_NAMES]) == MANY_NAMES


def _hash(purpose: str, whose: str) -> str:
    return salted_hmac(f"portal.accounts.attempts.{purpose}", whose, algorithm="sha256").hexdigest()
