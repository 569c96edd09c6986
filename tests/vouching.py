"""What a test vouches for where a role acts without a page of its own: the portal itself has no such default."""

from __future__ import annotations

from portal.accounts.presence import Presence
from portal.changes.care import Care

PRESENT = Presence(fresh=True)
"""The user has just shown who they are."""
LOOKED = Care(opened=True, confirmed=True)
"""The user has opened the difference and confirmed the consequence."""
