"""What wrong passwords use up, and whose: the guesser's, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client

from portal.accounts import attempts, limits
from portal.accounts.limits import LimitReached
from portal.accounts.models import CountedAct, KnownAddress, User
from portal.operations import retention
from tests.people import person, show_presence

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
WRONG, RIGHT = "a wrong guess", "maria-correct-horse"
OFFICE, ELSEWHERE = "203.0.113.66", "198.51.100.7"


def sign_in(name: str, password: str = WRONG, address: str = OFFICE) -> str:
    """The page that came back; '' for who got in."""
    client = Client(REMOTE_ADDR=address)
    page = client.post(LOGIN, {"login": name, "password": password}).content.decode()
    return "" if SESSION_KEY in client.session else page


def pass_time(**units: float) -> None:
    CountedAct.objects.update(at=F("at") - timedelta(**units))


@pytest.fixture
def maria() -> User:
    return person("maria")


@pytest.mark.parametrize("guesses", [10, 31, 120])
def test_guesses_at_made_up_names_keep_nobody_out_who_is_behind_the_same_address(maria: User, guesses: int) -> None:
    for number in range(guesses):
        sign_in(f"made-up-{number}")
    assert sign_in("maria", RIGHT) == ""


def test_person_behind_an_address_that_tries_many_names_may_mistype_twice(maria: User) -> None:
    for number in range(60):
        sign_in(f"made-up-{number}")
    assert "Wrong username or password" in sign_in("maria")
    assert "Wrong username or password" in sign_in("maria")
    assert sign_in("maria", RIGHT) == ""


def test_address_that_tries_many_names_has_fewer_guesses_at_each(maria: User) -> None:
    said = [sign_in("maria") for _ in range(4)]
    assert not any("Too many failed" in page for page in said)
    CountedAct.objects.all().delete()
    for number in range(attempts.MANY_NAMES):
        sign_in(f"made-up-{number}")
    said = [sign_in("maria") for _ in range(4)]
    assert ["Too many failed" in page for page in said] == [False, False, True, True]
    said = [sign_in("no-such-name") for _ in range(4)]
    assert ["Too many failed" in page for page in said] == [False, False, True, True], "tells which names there are"


def test_guesses_at_a_name_leave_the_password_check_of_who_is_signed_in_alone(client: Client, maria: User) -> None:
    client.force_login(maria)
    show_presence(client, maria, minutes_ago=60)
    for _ in range(8):
        sign_in("maria", address="127.0.0.1")
    answer = client.post("/accounts/reauthenticate/", {"password": RIGHT, "next": "/"})
    assert answer.status_code == 302


def test_wrong_confirmations_leave_the_sign_in_of_the_person_alone(client: Client, maria: User) -> None:
    client.force_login(maria)
    for _ in range(8):
        said = client.post("/accounts/reauthenticate/", {"password": WRONG, "next": "/"}).content.decode()
    assert "Too many failed attempts. Try again at " in said
    assert sign_in("maria", RIGHT, "127.0.0.1") == ""


def test_guesses_at_the_old_password_are_counted_as_confirmations(client: Client, maria: User) -> None:
    client.force_login(maria)
    new = {"password1": "a-long-new-passphrase", "password2": "a-long-new-passphrase"}
    for _ in range(6):
        said = client.post("/accounts/password/change/", {"oldpassword": WRONG, **new}).content.decode()
    assert "Too many failed attempts" in said
    client.post("/accounts/password/change/", {"oldpassword": RIGHT, **new})
    maria.refresh_from_db()
    assert maria.check_password(RIGHT)


@pytest.mark.parametrize(
    ("most", "passed", "minutes"),
    [(5, {"seconds": 0}, 5), (5, {"seconds": 200}, 2), (5, {"seconds": 290}, 1), (20, {"seconds": 400}, 54)],
)
def test_refusal_says_at_what_time_to_try_again(maria: User, most: int, passed: dict[str, float], minutes: int) -> None:
    for number in range(most):
        CountedAct.objects.create(subject=attempts.reserve_sign_in("x", f"10.0.0.{number}").subject)
    CountedAct.objects.update(subject=attempts.reserve_sign_in("maria", OFFICE).subject, address=OFFICE)
    CountedAct.objects.filter(pk__in=CountedAct.objects.values("pk")[: CountedAct.objects.count() - most]).delete()
    pass_time(**passed)
    times = [f"Try again at {datetime.now(UTC) + timedelta(minutes=minutes + late):%H:%M} UTC" for late in (0, 1)]
    page = sign_in("maria", RIGHT)
    assert any(said in page for said in times)
    pass_time(minutes=minutes)
    assert sign_in("maria", RIGHT) == ""


def test_guesses_from_many_addresses_do_not_keep_people_out_where_they_have_signed_in(
    maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PER_NAME", ((8, timedelta(hours=1)),))
    assert sign_in("maria", RIGHT, OFFICE) == ""
    for number in range(9):
        sign_in("maria", address=f"10.0.0.{number}")
    assert "Too many failed" in sign_in("maria", RIGHT, ELSEWHERE)
    assert sign_in("maria", RIGHT, OFFICE) == ""
    KnownAddress.objects.update(at=F("at") - timedelta(days=31))
    assert "Too many failed" in sign_in("maria", RIGHT, OFFICE)


@pytest.mark.parametrize("clear", [cache.clear, lambda: [cache.set(f"key-{n}", n, 300) for n in range(700)]])
def test_lock_out_lasts_whatever_happens_to_the_cache(maria: User, clear: Callable[[], object]) -> None:
    for _ in range(5):
        sign_in("maria")
    clear()
    assert "Too many failed" in sign_in("maria", RIGHT)


def test_lock_out_lasts_through_a_flood_of_other_sign_ins(maria: User) -> None:
    for _ in range(5):
        sign_in("maria")
    CountedAct.objects.bulk_create(
        CountedAct(subject=f"{number:064x}", address=f"10.{number % 200}.0.1") for number in range(20_000)
    )
    for number in range(50):
        sign_in(f"made-up-{number}", address=f"10.1.{number}.1")
    call_command("clearsessions")
    list(retention.delete_expired_rows())
    assert "Too many failed" in sign_in("maria", RIGHT)


def test_cache_keeps_what_has_not_expired() -> None:
    cache.set("first", 1, 300)
    for number in range(700):
        cache.set(f"key-{number}", number, 300)
    assert cache.get("first") == 1


def test_what_no_limit_looks_at_any_more_is_deleted(maria: User) -> None:
    sign_in("maria")
    pass_time(hours=23)
    list(retention.delete_expired_rows())
    assert CountedAct.objects.exists()
    pass_time(hours=2)
    list(retention.delete_expired_rows())
    assert not CountedAct.objects.exists()


def test_row_of_a_guess_holds_nothing_that_was_typed() -> None:
    sign_in("my-password-in-the-wrong-field", "my-password")
    with connection.cursor() as cursor:
        cursor.execute("SELECT counted::text FROM accounts_countedact counted")
        assert not any("password" in row for (row,) in cursor.fetchall())


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),
        ("203.0.113.9", "::ffff:203.0.113.9", "203.0.113.10"),
        ("unknown", "unknown", ""),
    ],
)
def test_addresses_that_one_customer_chooses_from_are_one(address: str, same: str, other: str) -> None:
    assert attempts.network_of(address) == attempts.network_of(same)
    assert attempts.network_of(address) != attempts.network_of(other)


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_do_not_exceed_the_limit() -> None:
    def reserve(_number: int) -> bool:
        try:
            attempts.reserve_sign_in("maria", OFFICE)
        except LimitReached:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(reserve, range(16))) == 5


def test_database_not_the_process_says_what_time_it_is(maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        sign_in("maria")
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    with pytest.raises(LimitReached):
        attempts.reserve_sign_in("maria", OFFICE)
    assert limits.delete_expired() == 0
