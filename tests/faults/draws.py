"""What Hypothesis may choose from: who, which secret, which edit, and what goes wrong with a call."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.faults.world import POINTS, SECRETS

DAY_S = 86_400.0
UNANSWERED = (
    "502", "503", "503_after_apply", "504_before_apply", "504_after_apply", "500_envelope", "html_502", "drop",
    "drop_before", "reset", "cut_status_line", "empty_201", "html_201", "broken_json", "error_true",
    "other_identifier", "wrong_code",
)  # fmt: skip
TURNED_AWAY = ("401", "no_route", "429:7", "503_no_peer")
REFUSED = ("refuse:1006:User does not have access", "refuse:1005:Api secret not found")
CRASHES = ("", "", "", *POINTS)
WORDS = ("red", "green", "blue")

which = st.integers(0, 11)
names = st.sampled_from(("ana", "bia", "caio", "davi", "eva"))
secrets = st.sampled_from(SECRETS)
fields = st.one_of(
    st.dictionaries(st.sampled_from(("url", "notes", "tags")), st.sampled_from(WORDS), min_size=1, max_size=2),
    st.sampled_from(([["alices", True]], [["alices", False], ["nobody-knows-me", True]])).map(
        lambda shares: {"users_allowed": shares}
    ),
)
unanswered = st.builds(
    lambda fault, apply, late: ({"fault": fault, "endpoint": "update", "apply": apply, "replays": [-1.0] * late},),
    st.sampled_from(UNANSWERED),
    st.sampled_from(("", "before", "never")),
    st.integers(0, 2),
) | st.just(({"fault": "reset_before", "endpoint": "update"},))
turned_away = st.sampled_from((*TURNED_AWAY, *REFUSED)).map(
    lambda fault: ({"fault": fault, "endpoint": "update", "times": 2},)
)
spoilt = unanswered | turned_away
spoilt_updates = st.just(()) | spoilt
spoilt_reads = st.just(()) | st.sampled_from(("502", "drop", "html_502", "401", "no_route")).map(
    lambda fault: ({"fault": fault, "endpoint": "get", "times": 2},)
)
"""A reading that Segura refuses comes from a secret that is hidden."""
