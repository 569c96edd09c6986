"""Forms of changes: proposal, vote, comment, filters; and the steps between an opened form and a proposal."""
