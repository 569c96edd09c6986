"""What a test vouches for where a role acts without a page of its own: the portal itself has no such default."""

from __future__ import annotations

from portal.accounts.reauthentication import RecentAuth
from portal.changes.domain.review_proof import ReviewProof

PRESENT = RecentAuth(fresh=True)
"""The user has just shown who they are."""
LOOKED = ReviewProof(opened=True, confirmed=True)
"""The user has opened the difference and confirmed the consequence."""
