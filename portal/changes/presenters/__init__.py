"""Data of the pages about changes, prepared for the user who reads them."""
