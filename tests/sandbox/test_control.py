"""Faults, journal and control address: what was scripted happens, and what happened is on record."""

import hashlib
import http.client
import json
import threading
import time

import pytest

VALUE = "Canary-5512-value"


def test_steps_are_consumed_in_order_by_the_calls_they_match(put, call, control):
    control.plan("502", endpoint="update", identifier=44)
    control.plan("503", endpoint="update", times=2)
    statuses = [put({"notes": "x"}).status, call("GET", "/api/mysafe/secretapi").status]
    statuses += [put({"notes": "x"}, 44).status, put({"notes": "x"}).status, put({"notes": "x"}).status]
    assert statuses == [503, 200, 502, 503, 200]
    assert control.faults() == []


def test_apply_after_answers_first(put, control):
    control.plan("504_after_apply", endpoint="update", apply="after")
    assert put({"notes": "late"}).status == 504
    journal = control.wait(lambda journal: journal["applications"])
    assert journal["applications"][0]["at"] >= journal["arrivals"][-1]["answered_at"]


def test_late_replays_apply_the_old_values_again(put, control):
    control.plan("504_before_apply", endpoint="update", replays=[0.2, 0.4])
    assert put({"notes": "first"}, attempt="a").status == 504
    assert put({"notes": "second"}, attempt="b").status == 200
    journal = control.wait(lambda journal: len(journal["applications"]) == 3)
    assert [each["attempt_id"] for each in journal["applications"]] == ["b", "a", "a"]
    assert [each["values"]["notes"] for each in journal["applications"]] == ["second", "first", "first"]
    assert [each["secret_order"] for each in journal["applications"]] == [1, 2, 3]
    assert control.secret(43)["notes"] == "first"


@pytest.mark.parametrize(("apply", "applied"), [("before", 1), ("never", 0)])
def test_held_answers_wait_for_release(apply, applied, put, control):
    control.plan("hold", endpoint="update", apply=apply)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(put({"notes": "held"})))
    thread.start()
    journal = control.wait(lambda journal: journal["held"] == 1)
    assert len(journal["applications"]) == applied
    assert journal["arrivals"][-1]["status"] is None
    assert answers == []
    assert control.release() == 1
    thread.join(5)
    assert answers[0].status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop", http.client.RemoteDisconnected), ("reset", ConnectionResetError),
        ("reset_before", ConnectionResetError), ("cut_body", http.client.IncompleteRead),
    ],
)  # fmt: skip
def test_spoilt_connections(fault, error, put, control):
    control.plan(fault, endpoint="update")
    with pytest.raises(error):
        put({"notes": "x" * 1000})
    assert len(control.journal()["applications"]) == (fault != "reset_before")
    assert put({"notes": "and on"}).status == 200


def test_dripping_and_slow_answers_take_their_time(put, control):
    for fault in ("drip:0.0005", "slow:0.3"):
        control.plan(fault, endpoint="update")
        begun = time.monotonic()
        assert put({"notes": "x"}).status == 200
        assert time.monotonic() - begun > 0.25


def test_any_status_body_and_header_can_be_had(put, control):
    control.plan(endpoint="update", status=418, body="short", headers={"X-Teapot": "yes"}, apply="never")
    answer = put({"notes": "x"})
    assert (answer.status, answer.body, answer.headers["X-Teapot"]) == (418, b"short", "yes")
    assert control.journal()["applications"] == []


def test_journal_tells_what_arrived_and_what_was_applied_but_no_secret(put, control, anonymous):
    document = {"client_secret": VALUE, "name": "GCP9", "users_allowed": [{"username": "alices"}]}
    put(document, attempt="attempt-1")
    journal = control.journal()
    arrival, application = journal["arrivals"][-1], journal["applications"][-1]
    assert arrival["keys"] == ["client_secret", "name", "users_allowed"]
    assert arrival["body_sha256"] == hashlib.sha256(json.dumps(document).encode()).hexdigest()
    assert (arrival["attempt_id"], arrival["status"], arrival["identifier"]) == ("attempt-1", 200, "43")
    assert application["values"] == {"name": "GCP9", "users_allowed": {"alices": False}}
    assert application["client_secret_sha256"] == hashlib.sha256(VALUE.encode()).hexdigest()
    assert application["seq"] == arrival["seq"]
    everything = json.dumps([journal, control.secrets()])
    for hidden in (VALUE, *anonymous.sandbox.grants._ends, anonymous.sandbox.client_secret):
        assert hidden not in everything
    assert control.journal(since=arrival["seq"])["arrivals"] == []
    control.clear_journal()
    assert control.journal()["arrivals"] == []


def test_edits_by_hand_go_behind_everybodys_back(call, control):
    assert control.edit(43, notes="by hand", client_secret="other")["notes"] == "by hand"
    assert call("GET", "/api/mysafe/secretapi/43").json["api_secret_entity"]["client_secret"] == "other"
    assert control.journal()["applications"] == []
    control.reset()
    assert control.secret(43)["notes"] == "Access details"


def test_wrong_orders_are_named(control):
    for order, named in (
        (lambda: control.plan("505_sideways"), "505_sideways"),
        (lambda: control.plan(colour="red"), "colour"),
        (lambda: control.plan("502", apply="maybe"), "apply"),
        (lambda: control.edit(43, colour="red"), "colour"),
        (lambda: control.edit(9999, notes="x"), "no such thing"),
        (lambda: control.secret(9999), "no such thing"),
        (lambda: control._call("GET", "/nowhere"), "no such thing"),
    ):
        with pytest.raises(ValueError, match=named):
            order()
    assert control.faults() == []


def test_a_page_in_a_browser_cannot_give_orders(sandbox):
    connection = http.client.HTTPConnection(sandbox.control_url.split("/")[2], timeout=5)
    connection.request("POST", "/reset", b"{}", {"Origin": "https://evil.example"})
    assert connection.getresponse().status == 403
    connection.close()


def test_fifty_connections_kept_alive_at_hundreds_of_calls_a_second(sandbox, call, control):
    statuses, host = [], sandbox.url.split("/")[2]

    def run():
        connection = http.client.HTTPConnection(host, timeout=10)
        for _ in range(10):
            headers = {"Authorization": f"Bearer {call.token}"}
            connection.request("PUT", "/api/mysafe/secretapi/update/43", b'{"notes":"n"}', headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(50)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 500
    assert 500 / (time.monotonic() - begun) > 100
    orders = [each["secret_order"] for each in control.journal()["applications"]]
    assert sorted(orders) == list(range(1, 501))
