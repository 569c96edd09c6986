"""Dates and times on pages: As people in Brazil write them."""

DATE_FORMAT = "d/m/Y"
DATETIME_FORMAT = "d/m/Y H:i:s"
MONTH_DAY_FORMAT = "d/m"
