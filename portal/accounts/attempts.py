"""Wrong passwords, counted in rows of their own that nothing but time removes.

Each is counted before the password is compared, and given back where it was right: so parallel guesses do not
exceed a limit. Times are the database's.
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
"""Names that failed from one address within an hour, from which on it is taken for one that tries them all."""
ADDRESS_KNOWN_FOR = timedelta(days=30)


def reserve_sign_in(name: str, address: str) -> CountedAct:
    """Count a sign-in under this name from this address. Raises LimitReached.

    Nothing that is counted for one name is asked of another: no guesses at other names keep a person out.
    """
    subject, address = _hash("sign-in", fold_username(name)), network_of(address)
    known = KnownAddress.objects.filter(
        person__username_key=fold_username(name), address=address, at__gt=Now() - ADDRESS_KNOWN_FOR
    ).exists()
    with transaction.atomic():
        lock_subject(subject)
        of_name = CountedAct.objects.filter(subject=subject)
        # Of every name alike, or the number of guesses would tell which names there are.
        limits = PER_NAME_WHERE_MANY_ARE_TRIED if _many_names_fail_from(address) else PER_NAME_AND_ADDRESS
        require_room(of_name.filter(address=address), limits)
        if not known:
            require_room(of_name, PER_NAME)
        return CountedAct.objects.create(subject=subject, address=address)


def reserve_confirmation(person: User) -> CountedAct:
    """Count that a signed-in person confirms their password, apart from sign-ins. Raises LimitReached."""
    subject = _hash("confirm", str(person.pk))
    with transaction.atomic():
        lock_subject(subject)
        require_room(CountedAct.objects.filter(subject=subject), PER_NAME_AND_ADDRESS)
        return CountedAct.objects.create(subject=subject)


def remember_address(person: User, address: str) -> None:
    """Note that the person has signed in from this address now."""
    KnownAddress.objects.update_or_create(person=person, address=network_of(address), defaults={"at": Now()})


def forget_addresses() -> int:
    """Delete addresses that are known no longer; return how many."""
    return KnownAddress.objects.filter(at__lt=Now() - ADDRESS_KNOWN_FOR).delete()[0]


def network_of(address: str) -> str:
    """Return what counts as one address: for IPv6 the network of one customer, who may choose among its addresses."""
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
