# One line each; the same without make: python3 -m portal.bootstrap run|test|quick|faults|bench|lint|check|screenshots|reset|lock
PYTHON ?= python3
.PHONY: run test quick faults bench lint check screenshots reset lock

run test quick faults bench lint check screenshots reset lock:
	@$(PYTHON) -m portal.bootstrap $@
