# One line each; the same without make: python3 -m portal.devserver.bootstrap run|test|quick|faults|bench|lint|screenshots|reset|lock|compose-check|systemd-check|python313-check|check|image-pins
PYTHON ?= python3
.PHONY: run test quick faults bench lint check screenshots reset lock compose-check systemd-check python313-check image-pins

run test quick faults bench lint check screenshots reset lock compose-check systemd-check python313-check image-pins:
	@$(PYTHON) -m portal.devserver.bootstrap $@
