"""A faithful stand-in for Segura's MySafe "API secrets" and its gateway. Standard library only.

    python -m portal.sandbox --port 9443 --control-port 9444

The demo, the training and every test run on it. What it answers can be switched at run time (`knobs`), what
goes wrong is scripted call by call (`faults`), and what arrived and was applied is on record (`journal`),
all through a control address on a port of its own (`control`, `remote`).

Knobs of the contract (section 12) that are left out, and why: `encrypt_sensitive` (RSA is not in the standard
library, and the portal asks for keys without it); `referer_allow`, `access_key_items`, `access_key_expires_at`
and `access_key_owner` (the portal sees each only as "no access" or "no route", which can be had by an edit of
the secret's `access` or by a fault); `share_mail_log` and `audit_log` (the journal tells more);
`enable_password_twin` (the portal never calls the password endpoints); `path_prefixes` (both, always).
"""

from portal.sandbox.control_client import Control
from portal.sandbox.options import Options
from portal.sandbox.server import Sandbox

__all__ = ["Control", "Options", "Sandbox"]
