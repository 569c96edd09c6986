"""Changes as pages show them: lists, the dossier of one, risks, what happens next, why not."""
