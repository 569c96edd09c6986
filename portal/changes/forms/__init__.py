"""What people send: the edit of a secret, the ballot, filters; and an edit on its way to a proposal."""
