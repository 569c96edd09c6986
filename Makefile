# One line each; the same without make: python3 -m portal.bootstrap run|test|faults|lint|check|screenshots|reset|lock
PYTHON ?= python3
.PHONY: run test faults lint check screenshots reset lock

run test faults lint check screenshots reset lock:
	@$(PYTHON) -m portal.bootstrap $@
