"""Segura sandbox: a faithful simulation of Segura's MySafe "API secrets" and its gateway. Standard library only.

    python -m portal.sandbox --port 9443 --control-port 9444

The demo, the training and every test use the sandbox. Its answers can be switched at run time (`options`), faults are
scripted call by call (`faults`), and arrived calls and applied changes are recorded (`journal`), all through a control
server on a port of its own (`control_server`, `control_client`).

Options of the contract (section 12) that are left out, and why: `encrypt_sensitive` (RSA is not in the standard
library, and the portal asks for keys without it); `referer_allow`, `access_key_items`, `access_key_expires_at` and
`access_key_owner` (the portal sees each only as "no access" or "no route", which an edit of the secret's `access` or a
fault can produce); `share_mail_log` and `audit_log` (the journal contains more); `enable_password_twin` (the portal
never calls the password endpoints); `path_prefixes` (both, always).
"""

from portal.sandbox.control_client import Control
from portal.sandbox.options import Options
from portal.sandbox.server import Sandbox

__all__ = ["Control", "Options", "Sandbox"]
