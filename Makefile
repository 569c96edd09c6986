# One line each; the same without make: python3 -m portal.bootstrap run|test|faults|bench|lint|check|screenshots|reset|lock
PYTHON ?= python3
.PHONY: run test faults bench lint check screenshots reset lock

run test faults bench lint check screenshots reset lock:
	@$(PYTHON) -m portal.bootstrap $@
